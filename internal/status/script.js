// Refreshes the page in place, filters and copies. The page works without it.
"use strict";

const main = document.getElementById("main");

// Filter: by the text that the server searches too. The address has it, to be passed on.
function filter() {
  const input = document.getElementById("filter");
  if (!input) return;
  const wanted = input.value.trim().toLowerCase();
  let hits = 0;
  for (const target of main.querySelectorAll("[data-search]")) {
    target.hidden = !target.dataset.search.includes(wanted);
    if (!target.hidden) hits++;
  }
  document.getElementById("nothing").hidden = hits > 0 || !wanted;
}
main.addEventListener("input", () => {
  const address = new URL(location.href);
  const wanted = document.getElementById("filter").value.trim();
  if (wanted) address.searchParams.set("q", wanted);
  else address.searchParams.delete("q");
  history.replaceState(null, "", address);
  filter();
});
main.addEventListener("submit", (e) => e.preventDefault());

// Copy.
function showButtons() {
  for (const button of main.querySelectorAll(".copy, .probe button")) button.hidden = false;
  showSaid();
}
async function copy(button) {
  const text = button.parentElement.querySelector("code").textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without TLS browsers offer no clipboard; the user can copy the selection.
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}
main.addEventListener("click", (e) => {
  const button = e.target.closest(".copy");
  if (button) copy(button);
});

// Probe now. What is said of a request survives a refresh.
const said = new Map(); // by target: text, whether the request is going on
function showSaid() {
  for (const button of main.querySelectorAll(".probe button")) {
    const [text, busy] = said.get(button.dataset.target) || ["", false];
    button.disabled = busy;
    button.nextElementSibling.textContent = text;
  }
}
function say(target, text, busy) {
  said.set(target, [text, busy]);
  showSaid();
}
async function probe(target) {
  say(target, "probing…", true);
  let text = "the exporter does not answer";
  try {
    const response = await fetch("/api/v1/probe/" + encodeURIComponent(target), { method: "POST" });
    const wait = response.headers.get("Retry-After");
    text = response.ok ? "probed just now" : wait ? `probed too often: try again in ${wait} s` : (await response.text()).trim();
  } catch { /* the text says it */ }
  say(target, text, false);
  scheduleRefresh(0);
  setTimeout(() => { said.delete(target); showSaid(); }, 10000);
}
main.addEventListener("click", (e) => {
  const button = e.target.closest(".probe button");
  if (button) probe(button.dataset.target);
});

// Refresh: replaces the content by that of a newly loaded page. What the reader
// unfolded, typed or focused stays.
function locate(element) {
  const owner = element && element.closest("main [id]");
  return owner && [owner.id, element.tagName, [...owner.querySelectorAll(element.tagName)].indexOf(element)];
}
function find([id, tag, index]) {
  const owner = document.getElementById(id);
  return owner && (index < 0 ? owner : owner.querySelectorAll(tag)[index]);
}
function replaceContent(fresh) {
  const open = new Map([...main.querySelectorAll("details")].map((d) => [d.id, d.open]));
  const input = document.getElementById("filter");
  const typed = input && [input.value, input.selectionStart, input.selectionEnd];
  const focus = locate(document.activeElement);
  main.className = fresh.className;
  main.replaceChildren(...fresh.childNodes);
  for (const d of main.querySelectorAll("details")) if (open.has(d.id)) d.open = open.get(d.id);
  const next = document.getElementById("filter");
  if (next && typed) {
    next.value = typed[0];
    next.setSelectionRange(typed[1], typed[2]);
  }
  const focused = focus && find(focus);
  if (focused) focused.focus({ preventScroll: true });
  showButtons();
  filter();
}
let scheduled = 0;
function scheduleRefresh(pause) {
  if (!scheduled) scheduled = setTimeout(refresh, pause);
}
let pause = 300;
async function refresh() {
  const began = performance.now();
  try {
    const address = new URL(location.href);
    address.searchParams.delete("q"); // what the filter hides is there when it is emptied
    const response = await fetch(address, { cache: "no-store" });
    if (!response.ok) throw new Error(response.status);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    document.title = page.title;
    replaceContent(page.getElementById("main"));
    showConnection("live", false);
  } catch {
    showConnection(lost, true);
  }
  scheduled = 0;
  // Spends at most a tenth of the time on refreshing.
  pause = Math.max(300, 10 * (performance.now() - began));
}
const lost = "connection lost, this page is no longer updated";
function showConnection(text, isLost) {
  const live = document.getElementById("live");
  live.textContent = text;
  live.classList.toggle("lost", isLost);
}
function follow() {
  const events = new EventSource("/api/v1/events");
  events.addEventListener("run", () => scheduleRefresh(pause));
  events.addEventListener("open", () => scheduleRefresh(0));
  events.addEventListener("error", () => showConnection(lost, true));
  setInterval(() => scheduleRefresh(0), 30000); // "5 min ago" changes without a run
}
showButtons();
if (document.getElementById("live")) follow();
