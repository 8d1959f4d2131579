// Patches the page into a newer one (fragment.go). Nodes that did not change stay, and with them
// what the reader selected, unfolded, typed or focused. What has not changed is a
// <template data-keep="id" data-count="n"> in the newer one: the element with that id, and the
// n-1 after it. Its content is what has changed in the one.
"use strict";

const readers = new Set(["open", "hidden", "disabled", "value"]); // attributes that a refresh leaves alone
function alike(old, fresh) {
  return old.nodeName === fresh.nodeName && (old.id || "") === (fresh.id || "");
}
// resolve finds what stays, before anything moves: for each template the nodes, for what is in
// its content the node that it changes.
function resolve(fresh, kept) {
  for (const template of fresh.querySelectorAll("template[data-keep]")) {
    const nodes = [];
    let left = Number(template.dataset.count);
    for (let node = byId(template.dataset.keep); left > 0; node = node.nextSibling) {
      if (!node) throw new Error("the server describes another version of this page");
      nodes.push(node);
      if (node.nodeType === Node.ELEMENT_NODE) left--;
    }
    kept.set(template, nodes);
    for (const inner of template.content.children) {
      if (!inner.dataset.keep) kept.set(inner, [byId(inner.id)]);
    }
    resolve(template.content, kept);
  }
}
function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error("the server describes another version of this page");
  return element;
}
function patch(old, fresh, kept) {
  if (fresh.nodeName === "TEMPLATE") {
    for (const inner of [...fresh.content.children]) patch(kept.get(inner)[0], inner, kept);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!readers.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (!readers.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (!fresh.hasAttribute("data-own") && !fresh.matches("time.ago")) patchChildren(old, fresh, kept); // the text of these is the script's
}
// pair returns for each new child the node that stands for it, and what that one is patched into.
// Nodes without an id are found in their order.
function pair(old, fresh, kept) {
  const known = new Map([...old.children].filter((c) => c.id).map((c) => [c.id, c]));
  let at = old.firstChild;
  const next = (child) => {
    let node = at;
    while (node && child.nodeType === Node.ELEMENT_NODE && !alike(node, child)) node = node.nextSibling;
    return node;
  };
  return [...fresh.childNodes].flatMap((child) => {
    const nodes = kept.get(child) || [child.id ? known.get(child.id) : next(child)];
    if (!nodes[0] || (child.nodeName !== "TEMPLATE" && !alike(nodes[0], child))) return [[child, null]];
    if (nodes[0] === at || !child.id) at = nodes.at(-1).nextSibling;
    return nodes.map((node, i) => [node, i ? null : child]);
  });
}
function patchChildren(old, fresh, kept) {
  const pairs = pair(old, fresh, kept), wanted = new Set(pairs.map(([node]) => node));
  for (const child of [...old.childNodes]) if (!wanted.has(child)) child.remove();
  const still = inOrder([...wanted].filter((node) => node.parentNode === old && node.nodeType === Node.ELEMENT_NODE), [...old.children]);
  let at = old.firstChild;
  for (const [node, into] of pairs) {
    if (node === at || still.has(node)) at = node.nextSibling;
    else old.insertBefore(node, at);
    if (into) patch(node, into, kept);
    else if (node.nodeType === Node.ELEMENT_NODE) takeIn(node, kept);
  }
}
// takeIn puts what stays into a new element.
function takeIn(element, kept) {
  for (const template of element.querySelectorAll("template[data-keep]")) {
    template.replaceWith(...kept.get(template));
    patch(kept.get(template)[0], template, kept);
  }
}
// inOrder returns as many of the nodes as possible that are in the same order in both lists: they
// need not be moved, which would cost them their focus. (The longest increasing subsequence.)
function inOrder(nodes, others) {
  const place = new Map(others.map((node, i) => [node, i]));
  const ends = [], before = new Map(); // ends[n] is the best end of n+1 nodes in order
  for (const node of nodes) {
    let low = 0, high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (place.get(ends[middle]) < place.get(node)) low = middle + 1;
      else high = middle;
    }
    before.set(node, ends[low - 1]);
    ends[low] = node;
  }
  const longest = new Set();
  for (let node = ends.at(-1); node; node = before.get(node)) longest.add(node);
  return longest;
}
