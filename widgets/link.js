// The way to the kernel and back: one question in flight, the rest waits; an answer says which question it answers.

const OFFLINE =
  "No answer from the kernel: these figures do not include your last change. It may be busy; " +
  "after a restart or in a reopened notebook, run the cell again.";

/**
 * A view's link to its model. Questions are numbered; while one is unanswered further ones are gathered and sent
 * together, so that typing and dragging never pile up in the kernel and nothing is lost.
 */
export class Link {
  constructor(model) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2);
    this.sent = 0;
    this.waiting = [];
    this.timer = 0;
    this.lost = false;
    this.watchers = new Set();
    this.stops = [];
    this.on("_status", () => this.heard());
  }

  /** Ask for an action; one with a `key` replaces an unsent one of the same key. Returns a ticket. */
  ask(action, key) {
    const ticket = { action, key, seq: 0 };
    if (key !== undefined) this.waiting = this.waiting.filter((other) => other.key !== key);
    this.waiting.push(ticket);
    this.send();
    return ticket;
  }

  /** Whether a ticket's question has been answered. */
  done(ticket) {
    return ticket.seq > 0 && ticket.seq <= this.answered();
  }

  /** Number of the last question answered. */
  answered() {
    return this.model.get("_status")?.answers?.[this.view] ?? 0;
  }

  /** Whether a question is unanswered. */
  get pending() {
    return this.sent > this.answered();
  }

  send() {
    if (this.pending || !this.waiting.length) return this.tell();
    this.sent += 1;
    const actions = this.waiting.map((ticket) => ticket.action);
    for (const ticket of this.waiting) ticket.seq = this.sent;
    this.waiting = [];
    const buffers = actions.map((action) => action.buffer).filter(Boolean);
    const plain = actions.map(({ buffer, ...rest }) => rest);
    const wait = (this.model.get("_status")?.wait ?? 2) * 1000;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lose(), wait);
    try {
      this.model.send({ view: this.view, seq: this.sent, actions: plain }, undefined, buffers);
    } catch {
      this.lose();
    }
    this.tell();
  }

  heard() {
    if (this.pending) return;
    clearTimeout(this.timer);
    this.lost = false;
    this.send();
  }

  lose() {
    this.lost = true;
    this.tell();
  }

  /** What to say of the link itself: nothing while all is well. */
  get trouble() {
    return this.lost ? OFFLINE : "";
  }

  tell() {
    for (const watcher of this.watchers) watcher();
  }

  /** Call back whenever the link waits, answers or is lost. */
  watch(watcher) {
    this.watchers.add(watcher);
  }

  /** Call back when a trait changes; ends with the view. */
  on(name, change) {
    const event = name.startsWith("msg:") ? name : `change:${name}`;
    this.model.on(event, change);
    this.stops.push(() => this.model.off(event, change));
  }

  close() {
    clearTimeout(this.timer);
    for (const stop of this.stops) stop();
    this.watchers.clear();
  }
}
