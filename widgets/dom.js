// Elements and small text helpers shared by every view. No figure is computed here: texts come from Python.

/** What a focusable element carries so that notebook shortcuts (d d deletes a cell) never see its keys. */
const QUIET = { "data-lm-suppress-shortcuts": "true" };

/** An HTML element; attributes that are undefined, null or false are left out, functions become listeners. */
export function h(tag, attrs = {}, ...kids) {
  return fill(document.createElement(tag), attrs, kids);
}

/** An SVG element. */
export function s(tag, attrs = {}, ...kids) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attrs, kids);
}

function fill(element, attrs, kids) {
  for (const [name, value] of Object.entries(attrs)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...kids.filter((kid) => kid !== null && kid !== undefined));
  return element;
}

/** A focusable element that keeps its keys from the notebook. */
export function live(tag, attrs = {}, ...kids) {
  return h(tag, { ...QUIET, ...attrs }, ...kids);
}

/** A push button. */
export function button(label, press, attrs = {}) {
  return live("button", { type: "button", class: "xlm-button", click: press, ...attrs }, label);
}

let lastId = 0;

/** An id that no other element of the page has. */
export function freshId(prefix) {
  lastId += 1;
  return `xlm-${prefix}-${Math.random().toString(36).slice(2, 8)}-${lastId}`;
}

/** Set an attribute, or take it away where the value is null, undefined or false. */
export function mark(element, name, value) {
  const gone = value === null || value === undefined || value === false;
  if (gone) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Keep plain keys from reaching the notebook, whatever it listens to. */
export function keepKeys(element) {
  const keep = (event) => event.ctrlKey || event.metaKey || event.stopPropagation();
  for (const kind of ["keydown", "keypress", "keyup"]) element.addEventListener(kind, keep);
  return element;
}

/**
 * Give a view its class, and the dark one where only a page around this one says so (VS Code draws widgets in a frame;
 * JupyterLab's own theme is followed by the style sheet, also when it changes).
 */
export function dress(el) {
  el.classList.add("xlm");
  for (let view = window; view !== view.parent; ) {
    view = view.parent;
    try {
      const { vscodeThemeKind, jpThemeLight } = view.document.body.dataset;
      if (vscodeThemeKind?.includes("dark") || jpThemeLight === "false") el.classList.add("xlm-dark");
    } catch {
      return;
    }
  }
}

const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

/** An axis label. */
export function compact(value) {
  return COMPACT.format(value);
}
