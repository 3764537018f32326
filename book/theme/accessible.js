// What mdBook's own markup leaves out for those who use a keyboard or a screen reader.
"use strict";

(() => {
    // The bar above the page is outside of all landmarks.
    document.getElementById("mdbook-menu-bar")?.setAttribute("role", "banner");

    // What opens the table of contents is a label of a hidden box: no key reaches it.
    const toggle = document.getElementById("mdbook-sidebar-toggle");
    if (toggle) {
        toggle.setAttribute("role", "button");
        toggle.tabIndex = 0;
        toggle.addEventListener("keydown", (event) => {
            if (event.key === "Enter" || event.key === " ") {
                event.preventDefault();
                toggle.click();
            }
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
