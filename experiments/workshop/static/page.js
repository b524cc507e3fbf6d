// When a hand moved a lever, and when its answer was painted: read by tests of the waiting time.
window.df = { moved: null, painted: [] };
document.addEventListener(
  "input",
  (event) => {
    if (event.target.type === "range") window.df.moved = performance.now();
  },
  true,
);

// The state stands in the address, and in every link that leads to another page with it. Links are
// not told by the server: it would have the whole page drawn anew.
window.df.keep = (address) => {
  history.replaceState(history.state, "", address);
  for (const link of document.querySelectorAll("a.df-keeps")) link.search = location.search;
};

// An open menu closes by Escape, which gives the focus back to it, or when another place is used.
const menus = ".df-menu[open], .df-flags[open]";
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  for (const menu of document.querySelectorAll(menus)) {
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
});
for (const left of ["pointerdown", "focusin"]) {
  document.addEventListener(left, (event) => {
    for (const menu of document.querySelectorAll(menus)) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}

// Words that pass over the page never cover what has the focus.
document.addEventListener("focusin", (event) => {
  const words = document.getElementById("df-passing");
  if (!words || !words.textContent) return;
  const [a, b] = [words.getBoundingClientRect(), event.target.getBoundingClientRect()];
  const apart = a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;
  if (!apart) words.textContent = "";
});
