// What mdBook's own markup leaves out for those who use a keyboard or a screen reader.
"use strict";

(() => {
    // The bar above the page is outside of all landmarks.
    document.getElementById("mdbook-menu-bar")?.setAttribute("role", "banner");

    // What opens the table of contents is a label of a hidden box: no key reaches it. A button takes its
    // place, and tells both, because mdBook listens to both.
    const label = document.getElementById("mdbook-sidebar-toggle");
    const box = document.getElementById("mdbook-sidebar-toggle-anchor");
    if (label && box) {
        const button = document.createElement("button");
        button.type = "button";
        for (const { name, value } of label.attributes) {
            if (name !== "for") {
                button.setAttribute(name, value);
            }
        }
        button.append(...label.childNodes);
        label.replaceWith(button);
        button.addEventListener("click", () => {
            label.click();
            box.click();
            button.setAttribute("aria-expanded", box.checked);
        });
    }

    // What is too wide scrolls, so the arrow keys must get there. What isn't is no stop.
    const reach = (element) => {
        if (element.scrollWidth > element.clientWidth) {
            element.tabIndex = 0;
        } else {
            element.removeAttribute("tabindex");
        }
    };
    const sizes = new ResizeObserver((changes) => changes.forEach(({ target }) => reach(target)));
    for (const element of document.querySelectorAll("main pre > code, main .table-wrapper")) {
        reach(element);
        sizes.observe(element);
    }
})();
