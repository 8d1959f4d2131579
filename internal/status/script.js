// Keeps the page fresh in place, copies and filters. The page works without it.
"use strict";

const main = document.getElementById("main");

// Filter.
function filter() {
  const input = document.getElementById("filter");
  const wanted = input ? input.value.trim().toLowerCase() : "";
  for (const one of main.querySelectorAll("[data-name]")) {
    one.hidden = !one.dataset.name.toLowerCase().includes(wanted);
  }
}
main.addEventListener("input", filter);
main.addEventListener("submit", (e) => e.preventDefault());

// Copy.
function showCopy() {
  for (const button of main.querySelectorAll(".copy")) button.hidden = false;
}
async function copy(button) {
  const text = button.parentElement.querySelector("code").textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without TLS browsers offer no clipboard: what is selected can be copied by hand.
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}
main.addEventListener("click", (e) => {
  const button = e.target.closest(".copy");
  if (button) copy(button);
});

// Refresh: the page as it is now takes the place of what is shown. What the reader
// opened, typed or focused stays.
function key(element) {
  const owner = element && element.closest("main [id]");
  return owner && [owner.id, element.tagName, [...owner.querySelectorAll(element.tagName)].indexOf(element)];
}
function find([id, tag, index]) {
  const owner = document.getElementById(id);
  return owner && (index < 0 ? owner : owner.querySelectorAll(tag)[index]);
}
function put(fresh) {
  const open = new Map([...main.querySelectorAll("details")].map((d) => [d.id, d.open]));
  const input = document.getElementById("filter");
  const typed = input && [input.value, input.selectionStart, input.selectionEnd];
  const focus = key(document.activeElement);
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
  showCopy();
  filter();
}
let due = 0;
function soon(pause) {
  if (!due) due = setTimeout(refresh, pause);
}
let pause = 300;
async function refresh() {
  const began = performance.now();
  try {
    const response = await fetch(location.href, { cache: "no-store" });
    if (!response.ok) throw new Error(response.status);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    document.title = page.title;
    put(page.getElementById("main"));
    say("live", false);
  } catch {
    say("the connection is lost, what you see is from then", true);
  }
  due = 0;
  // A page that is dear to make is asked for less often.
  pause = Math.max(300, 10 * (performance.now() - began));
}
function say(text, lost) {
  const live = document.getElementById("live");
  live.textContent = text;
  live.classList.toggle("lost", lost);
}
function follow() {
  const events = new EventSource("/api/v1/events");
  events.addEventListener("run", () => soon(pause));
  events.addEventListener("open", () => soon(0));
  events.addEventListener("error", () => say("the connection is lost, what you see is from then", true));
  setInterval(() => soon(0), 30000); // times are in words, which grow old
}
showCopy();
if (document.getElementById("live")) follow();
