// What scrolls must be reachable by keyboard: wide formulas and tables are tab stops while they are wider than their place.
// Observed, not asked once: fonts come late, folded parts are unfolded, windows change.
const names = "pre, div.math, div.amsmath, mjx-container, .pst-scrollable-table-container, .cell_output, .output";
const boxes = () => document.querySelectorAll(names);
function reach(box) {
  const scrolls = getComputedStyle(box).overflowX === "auto" && box.scrollWidth > box.clientWidth + 1;
  if (scrolls) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}
const fitting = new ResizeObserver((changes) => {
  new Set(changes.map(({ target }) => target.closest(names))).forEach(reach);
});
function makeScrollableReachable() {
  boxes().forEach((box) => [box, ...box.children].forEach((part) => fitting.observe(part)));
  document.fonts.addEventListener("loadingdone", () => boxes().forEach(reach));  // may widen what is in a box, not the box
}

// The arrows that unfold the sidebar say what they unfold.
document.querySelectorAll("details > summary:has(.toctree-toggle)").forEach((summary) => {
  summary.ariaLabel = `Pages of ${summary.closest("li").querySelector("a").textContent.trim()}`;
});

// The theme takes the focus from these buttons when they are pressed; a key press (no click's detail) keeps it.
document.querySelectorAll(".theme-switch-button, .primary-toggle").forEach((button) => {
  button.addEventListener("click", (event) => { if (event.detail === 0) button.focus(); });
});

window.addEventListener("load", async () => {
  if (window.MathJax?.startup?.promise) await window.MathJax.startup.promise;
  makeScrollableReachable();
});

// From file:// no page may fetch another: the search shows where it found the words, without the lines around them.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// On paper nothing can be unfolded: solutions are. And paper is white.
const root = document.documentElement;
let theme = root.dataset.theme;
window.addEventListener("beforeprint", () => {
  document.querySelectorAll("details.sd-dropdown").forEach((solution) => { solution.open = true; });
  theme = root.dataset.theme;
  root.dataset.theme = "light";
});
window.addEventListener("afterprint", () => { root.dataset.theme = theme; });

// A figure to turn is drawn by Plotly, without style sheets: its words and greys follow the page here.
const DARK = { black: "#e3e6ea", "#000000": "#e3e6ea", "#dddddd": "#5a626c" };
const LIGHT = Object.fromEntries(Object.entries(DARK).map(([light, dark]) => [dark, light === "black" ? "#000000" : light]));
function paint(figure) {
  const names = root.dataset.theme === "dark" ? DARK : LIGHT;
  const other = (colour) => names[colour] ?? colour;
  for (const trace of figure.data) {
    for (const part of [trace.line, trace.marker]) if (part?.color) part.color = other(part.color);
    if (trace.colorscale) trace.colorscale = trace.colorscale.map(([at, colour]) => [at, other(colour)]);
  }
  figure.layout.font.color = other(figure.layout.font.color);
  Plotly.redraw(figure);  // once: a change of each trace by itself would draw the scene as often
}
const paintAll = () => document.querySelectorAll(".js-plotly-plot").forEach(paint);
window.addEventListener("load", () => { if (root.dataset.theme === "dark") paintAll(); });
new MutationObserver(paintAll).observe(root, { attributeFilter: ["data-theme"] });
