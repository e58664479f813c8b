// What must be said of the figures: pending, out of date, wrong cells, no answer from the kernel.
import { h, mark } from "./dom.js";

/** Banner and quiet announcements; `cover` is greyed while its figures are not current. */
export class Alerts {
  constructor(link, cover = null) {
    this.link = link;
    this.cover = cover;
    this.alert = h("div", { class: "xlm-alert", role: "alert", hidden: true });
    this.said = h("div", { class: "xlm-said", role: "status", "aria-live": "polite" });
    this.node = this.alert;
    link.on("_status", () => this.update());
    link.watch(() => this.update());
    this.update();
  }

  update() {
    const status = this.link.model.get("_status") ?? {};
    const trouble = this.link.trouble || status.message || "";
    if (this.alert.textContent !== trouble) this.alert.textContent = trouble;
    this.alert.hidden = !trouble;
    if (this.said.textContent !== (status.said ?? "")) this.said.textContent = status.said ?? "";
    if (!this.cover) return;
    this.cover.classList.toggle("xlm-pending", this.link.pending);
    this.cover.classList.toggle("xlm-stale", Boolean(status.stale));
    this.cover.classList.toggle("xlm-lost", Boolean(this.link.trouble));
    mark(this.cover, "aria-busy", String(this.link.pending || Boolean(status.busy)));
  }
}
