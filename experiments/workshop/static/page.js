// When a hand moved a lever, and when its answer was painted: read by tests of the waiting time.
window.df = { moved: null, painted: [] };
document.addEventListener(
  "input",
  (event) => {
    if (event.target.type === "range") window.df.moved = performance.now();
  },
  true,
);
