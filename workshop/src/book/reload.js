// Loads the page again when the book has been rebuilt. It waits by long polling, as step 02
// builds it; only a page that is seen waits, because a browser has few connections for a host.
(async () => {
  const version = document.currentScript.dataset.version;
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  let patience = 1000;
  for (;;) {
    const hidden = new AbortController();
    const changed = new Promise((resolve) =>
      document.addEventListener("visibilitychange", resolve, { once: true }));
    if (document.hidden) {
      await changed;
      continue;
    }
    changed.then(() => hidden.abort());
    try {
      const answer = await fetch(`/__workshop/version?seen=${version}`, {
        cache: "no-store",
        signal: hidden.signal,
      });
      if (answer.ok && (await answer.text()) !== version) {
        location.reload();
        return;
      }
      patience = 1000;
    } catch {
      // The workshop has ended, or the page was hidden: ask again, less and less often.
      await pause(patience);
      patience = Math.min(patience * 2, 30000);
    }
  }
})();
