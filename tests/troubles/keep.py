"""What was seen, compared with what is kept; the book includes what is kept, by anchor."""

import difflib
import time


class Kept:
    """A file of sections. `mine` says of a line whether it is in somebody else's words, which may change
    with that program's version."""

    def __init__(self, path, is_written, foreign=()):
        self.path = path
        self.is_written = is_written
        self.foreign = foreign
        self.sections = {}
        self.begun = time.monotonic()
        self.old_title, self.old = self._read()

    def _read(self):
        if not self.path.exists():
            return "", {}
        title, sections, name = "", {}, None
        for line in self.path.read_text(encoding="utf-8").splitlines():
            if line.startswith("# With "):
                title = line.removeprefix("# With ").removesuffix(".")
            elif line.startswith("# ANCHOR: "):
                name = line.removeprefix("# ANCHOR: ")
                sections[name] = []
            elif line.startswith("# ANCHOR_END"):
                name = None
            elif name:
                sections[name].append(line)
        return title, sections

    def section(self, name, lines):
        self.sections[name] = lines
        print(f"{time.monotonic() - self.begun:5.1f} s  {name}", flush=True)

    def finish(self, title, only=()):
        """Writes or compares. Returns the exit code."""
        if self.is_written:
            everything = dict(self.old) if only else {}
            everything.update(self.sections)
            text = f"# With {title}.\n"
            for name, lines in everything.items():
                text += f"\n# ANCHOR: {name}\n" + "\n".join(lines) + f"\n# ANCHOR_END: {name}\n"
            self.path.write_text(text, encoding="utf-8")
            print(f"written: {self.path.name}, {len(everything)} sections")
            return 0
        is_other = title != self.old_title
        differs = worded = 0
        for name in self.sections if only else self.old.keys() | self.sections.keys():
            old, new = self.old.get(name, []), self.sections.get(name, [])
            if old == new:
                continue
            if is_other and self._own(old) == self._own(new):
                worded += 1
                print(f"\n{name}: other words than with {self.old_title}:")
            else:
                differs += 1
                print(f"\n{name}: not what is kept:")
            print("\n".join(difflib.unified_diff(old, new, "kept", "seen", lineterm="")))
        if differs:
            print(f"\n{differs} of {len(self.sections)} differ. If they are right, `--write` keeps them.")
            return 1
        print(f"\nAll {len(self.sections)} are as they were"
              + (f", but for the words of {worded} (this is {title})." if worded else "."))
        return 0

    def _own(self, lines):
        """Without what other programs say in words of their own."""
        own, who = [], ""
        for line in lines:
            who = line[:8].strip() or who
            if who not in self.foreign:
                own.append(line)
        return own
