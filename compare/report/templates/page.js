// Everything in the page can be read without this script. With it: charts that answer
// to the pointer, sorting, filtering, a theme of one's own, and tabs.
(() => { // Vega's names are global
"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// ------------------------------------------------------------------ packed parts

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).blob();
}

const unpackable = "DecompressionStream" in window;
let ready = null;

async function library() {
  const [code, charts] = await Promise.all(
    ["library", "charts"].map(async (id) => (await unpacked(document.getElementById(id).textContent)).text())
  );
  const script = document.createElement("script");
  script.textContent = code; // its digest is in the page's policy
  document.head.append(script);
  return JSON.parse(charts);
}

// ------------------------------------------------------------------ charts

function tooltip(handler, event, item, value) {
  const box = $("#vg-tooltip-element");
  box.classList.toggle("visible", value !== null && value !== undefined && value !== "");
  if (!box.classList.contains("visible")) return;
  const table = document.createElement("table");
  for (const [name, text] of Object.entries(typeof value === "object" ? value : { "": value })) {
    const row = table.insertRow();
    row.insertCell().textContent = name;
    row.insertCell().textContent = String(text);
  }
  box.replaceChildren(table);
  const left = Math.min(event.clientX + 12, window.innerWidth - box.offsetWidth - 4);
  const top = Math.min(event.clientY + 12, window.innerHeight - box.offsetHeight - 4);
  box.style.left = `${Math.max(0, left)}px`;
  box.style.top = `${Math.max(0, top)}px`;
}

async function bring(figure) {
  ready ??= library();
  const charts = await ready;
  const still = $(".still", figure);
  const live = document.createElement("div");
  live.className = "live";
  live.setAttribute("role", "img");
  live.setAttribute("aria-labelledby", still.getAttribute("aria-labelledby"));
  figure.append(live);
  await window.vegaEmbed(live, charts[figure.dataset.chart], {
    mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false, tooltip,
  });
  const drawn = $("svg", live);
  drawn.setAttribute("viewBox", drawn.getAttribute("viewBox") ?? `0 0 ${drawn.getAttribute("width")} ${drawn.getAttribute("height")}`);
  drawn.setAttribute("aria-hidden", "true"); // the whole is described
  still.hidden = true;
  figure.dataset.drawn = "";
}

function charts() {
  if (!unpackable) return;
  const box = document.createElement("div");
  box.id = "vg-tooltip-element";
  document.body.append(box);
  const watcher = new IntersectionObserver((seen) => {
    for (const one of seen.filter((entry) => entry.isIntersecting)) {
      watcher.unobserve(one.target);
      bring(one.target).catch((error) => {
        // The still picture stays where it is.
        one.target.dataset.failed = error.message;
        console.error(error);
      });
    }
  }, { rootMargin: "200px" });
  for (const figure of all("[data-chart]")) watcher.observe(figure);
}

// ------------------------------------------------------------------ theme

const THEMES = { "": "as the system", light: "light", dark: "dark" };

function remembered(value) {
  try {
    if (value === undefined) return localStorage.getItem("twinnets-theme") ?? "";
    localStorage.setItem("twinnets-theme", value);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // no storage for this page
  }
  return "";
}

function theme() {
  const button = $("#theme");
  const show = (name) => {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    $("span", button).textContent = THEMES[name] ?? THEMES[""];
  };
  let now = remembered();
  show(now);
  button.hidden = false;
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    now = names[(names.indexOf(now) + 1) % names.length];
    show(now);
    remembered(now);
  });
}

// ------------------------------------------------------------------ tables

function sortable(table) {
  const body = table.tBodies[0];
  const first = [...body.rows];
  all("thead th", table).forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    const number = heading.dataset.kind === "number";
    const value = (row) => {
      const cell = row.cells[column];
      return number ? parseFloat(cell.dataset.sort) : cell.textContent.trim();
    };
    button.addEventListener("click", () => {
      const order = { none: number ? "descending" : "ascending", ascending: number ? "none" : "descending", descending: number ? "ascending" : "none" };
      const next = order[heading.getAttribute("aria-sort") ?? "none"];
      for (const other of all("thead th", table)) other.removeAttribute("aria-sort");
      if (next !== "none") heading.setAttribute("aria-sort", next);
      const sign = next === "descending" ? -1 : 1;
      const rows = next === "none" ? first : [...first].sort((left, right) => {
        const [a, b] = [value(left), value(right)];
        if (!number) return sign * a.localeCompare(b);
        if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b); // no number is last
        return sign * (a - b);
      });
      body.append(...rows);
    });
  });
}

function filter() {
  const [text, verdict, shown] = ["#filter", "#verdict", "#shown"].map((id) => $(id));
  const rows = all("#matrix-table tbody tr");
  const apply = () => {
    const wanted = text.value.trim().toLowerCase();
    for (const row of rows) {
      const named = row.cells[0].textContent.toLowerCase().includes(wanted);
      row.hidden = !named || (verdict.value !== "" && row.dataset.verdict !== verdict.value);
    }
    shown.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} shown`;
  };
  text.addEventListener("input", apply);
  verdict.addEventListener("change", apply);
  text.form.addEventListener("submit", (event) => event.preventDefault());
  text.form.hidden = false;
  apply();
}

// ------------------------------------------------------------------ tabs

function tabs(part) {
  const buttons = all("[role=tab]", part);
  const panel = $(".code", part);
  panel.setAttribute("role", "tabpanel");
  const choose = (button) => {
    part.dataset.view = button.dataset.show;
    panel.setAttribute("aria-labelledby", button.id);
    for (const other of buttons) {
      other.setAttribute("aria-selected", String(other === button));
      other.tabIndex = other === button ? 0 : -1;
    }
  };
  buttons.forEach((button, at) => {
    button.addEventListener("click", () => choose(button));
    button.addEventListener("keydown", (event) => {
      const moved = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
      if (moved === undefined) return;
      event.preventDefault();
      const next = buttons.at(moved % buttons.length);
      next.focus();
      choose(next);
    });
  });
  $(".tabs", part).hidden = false;
  choose(buttons[0]);
}

// ------------------------------------------------------------------ the rest

function unfold(hash) {
  const target = document.getElementById(hash.slice(1));
  if (!target) return;
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === "DETAILS") part.open = true;
  }
  target.scrollIntoView();
}

function save() {
  const link = $("#data");
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    const plain = await unpacked(link.href.split(",")[1]);
    const saved = document.createElement("a");
    saved.href = URL.createObjectURL(plain.slice(0, plain.size, "application/json"));
    saved.download = "run.json";
    saved.click();
    setTimeout(() => URL.revokeObjectURL(saved.href), 60_000);
  });
}

theme();
all("[data-sortable]").forEach(sortable);
if ($("#filter")) filter();
all(".twins").forEach(tabs);
if (unpackable) save();
// Also where the address is that already: then nothing changes.
for (const link of all("a[href^='#']")) {
  link.addEventListener("click", () => unfold(link.hash));
}
window.addEventListener("hashchange", () => unfold(location.hash));
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = all("details:not([open])");
  for (const part of folded) part.open = true;
});
window.addEventListener("afterprint", () => {
  for (const part of folded) part.open = false;
});
unfold(location.hash);
charts();
})();
