// The switch of a demo's room page: before and after of the sample, and in words which one is shown. Touches its own part
// of the page alone; embedded players have none.

import { AFTER, BEFORE, side } from "./logic/sample.js";
import { texts } from "./logic/texts.js";

const element = (id) => document.getElementById(id);

/** `changed()` is called when the viewer has chosen. */
export class SampleSwitch {
  constructor(changed) {
    this.chosen = AFTER;
    this.field = element("sample");
    if (this.field === null) return;
    element("sample-name").textContent = texts.sample.name;
    element("sample-before").textContent = texts.sample.before;
    element("sample-after").textContent = texts.sample.after;
    this.field.addEventListener("change", ({ target }) => {
      this.chosen = target.value;
      changed();
    });
  }

  /** Show the choice that there is in `room`; returns the address of the file to play in place of the stream, or null. */
  draw(room) {
    if (this.field === null) return null;
    const shown = side(room, this.chosen);
    if (shown === null) this.chosen = AFTER; // the next sample begins as viewers get it
    this.field.hidden = shown === null;
    for (const button of this.field.elements) button.checked = button.value === this.chosen;
    const words = shown === null ? "" : texts.sample.shown[shown];
    if (element("sample-shown").textContent !== words) element("sample-shown").textContent = words;
    return shown === BEFORE ? room.sample : null;
  }
}
