// One lever: a native range with a number field and buttons of - and +.
//
// While the hand moves, "move" tells the newest position only after the last one was answered; where
// the hand rests it is always told. What Python sets (undo, a link) is shown unless the hand is on it.
const ANSWER_WITHIN = 1500; // milliseconds; an answer that does not come holds nothing up
const RESTS_AFTER = 450; // after the last key or click
const HEARD_WITHIN = 1500; // milliseconds; what was told and not heard by then is lost

export default {
  template: `
    <div class="df-lever" :class="{ 'df-lever-mixed': mixed, 'df-lever-moved': !mixed && shown !== 0 }">
      <div class="df-lever-head">
        <label :for="number" :id="name" class="df-lever-label">{{ label }}</label>
        <span v-if="mixed || shown !== 0" class="df-lever-range" aria-hidden="true">{{ mixed ? words.mixed : named }}</span>
        <button v-if="words.info" type="button" class="df-lever-info" :data-df="'info-' + lever"
                :aria-label="words.info + ': ' + label" :title="words.info" @click="$emit('info')">
          <span aria-hidden="true">i</span>
        </button>
      </div>
      <div class="df-lever-row">
        <button type="button" class="df-lever-step" :aria-label="words.less + ': ' + label"
                :disabled="shown <= low && !mixed" @click="by(-step)"><span aria-hidden="true">−</span></button>
        <input type="range" class="df-lever-slider" :min="low" :max="high" :step="shown % step ? 1 : step"
               :value="shown" :style="track" :aria-labelledby="name" :aria-valuetext="spoken"
               @input="slid" @change="left" @keydown="key" @pointerdown="held = true"
               @pointerup="released" @pointercancel="released" @blur="rest">
        <button type="button" class="df-lever-step" :aria-label="words.more + ': ' + label"
                :disabled="shown >= high && !mixed" @click="by(step)"><span aria-hidden="true">+</span></button>
        <input :id="number" type="text" class="df-lever-number" :inputmode="low < 0 ? 'text' : 'numeric'"
               autocomplete="off" :value="typed === null ? told : typed" :placeholder="words.mixed"
               :aria-invalid="wrong ? 'true' : null" :aria-describedby="wrong ? problem : null"
               @focus="$event.target.select()" @input="typed = $event.target.value" @change="entered"
               @keydown.enter="entered">
      </div>
      <p v-if="wrong" :id="problem" class="df-lever-wrong" role="alert">{{ wrong }}</p>
    </div>`,
  props: {
    lever: String, label: String, value: Number, around: Number, low: Number, high: Number, step: Number,
    heard: Number, // how often Python has heard this lever
    ranges: Array, // [position from which it holds, name], in order
    words: Object, // info, less, more, mixed, wrong
  },
  emits: ["move", "info"],
  data() {
    const key = Math.random().toString(36).slice(2);
    return {
      shown: this.value ?? this.around, mixed: this.value === null, typed: null, wrong: "",
      held: false, dirty: false, settling: null, pending: null, waiting: null,
      sent: 0, doubt: null, // how often Python was told; until when that is waited for
      name: `df-lever-${key}`, number: `df-number-${key}`, problem: `df-wrong-${key}`,
    };
  },
  computed: {
    named() {
      return this.ranges.filter(([from]) => this.shown >= from).at(-1)[1];
    },
    told() {
      if (this.mixed) return "";
      const sign = this.shown < 0 ? "−" : this.low < 0 && this.shown > 0 ? "+" : "";
      return sign + Math.abs(this.shown);
    },
    spoken() {
      return this.mixed ? this.words.mixed : `${this.told}, ${this.named}`;
    },
    track() {
      const share = (position) => (position - this.low) / (this.high - this.low);
      const [zero, at] = [share(0), share(this.shown)];
      return { "--zero": zero, "--from": Math.min(zero, at), "--to": Math.max(zero, at) };
    },
  },
  watch: {
    value: "follow",
    around: "follow",
    heard: "follow",
  },
  methods: {
    follow() {
      if (this.held || this.settling !== null) return; // the hand knows better
      if (this.heard < this.sent) return; // what it told last is still on its way
      this.shown = this.value ?? this.around;
      this.mixed = this.value === null;
      if (document.activeElement && document.activeElement.id === this.number) return; // being typed
      this.typed = null;
      this.wrong = "";
    },
    put(position) {
      this.shown = Math.min(this.high, Math.max(this.low, position));
      this.mixed = false;
      this.typed = null;
      this.wrong = "";
      this.dirty = true; // until the rest is told
      this.send();
    },
    slid(event) {
      this.put(Number(event.target.value));
      if (!this.held) this.soon(); // moved by something other than a pointer
    },
    by(step) {
      this.put(this.shown + step);
      this.soon();
    },
    key(event) {
      const keys = {
        ArrowRight: this.step, ArrowUp: this.step, ArrowLeft: -this.step, ArrowDown: -this.step,
        PageUp: 4 * this.step, PageDown: -4 * this.step,
        Home: this.low - this.shown, End: this.high - this.shown,
      };
      if (!(event.key in keys) || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.by(keys[event.key]);
    },
    entered() {
      if (this.typed === null) return;
      const text = this.typed.trim().replace(/^[−–]/, "-");
      const position = /^[+-]?\d{1,4}$/.test(text) ? Number(text) : NaN;
      if (!(position >= this.low && position <= this.high)) {
        this.wrong = this.words.wrong; // and what was typed stays there
        return;
      }
      this.put(position);
      this.rest();
    },
    send() {
      if (this.pending !== null) {
        this.waiting = this.shown;
        return;
      }
      this.pending = setTimeout(() => this.answered(), ANSWER_WITHIN);
      this.tell(false);
    },
    answered() {
      clearTimeout(this.pending);
      this.pending = null;
      const more = this.waiting !== null;
      this.waiting = null;
      if (more) this.send();
    },
    soon() {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.rest(), RESTS_AFTER);
    },
    released() {
      this.held = false;
      this.rest();
    },
    left() {
      if (this.settling === null) this.rest(); // else it rests soon
    },
    rest() {
      if (!this.dirty) return;
      this.dirty = false;
      clearTimeout(this.settling);
      this.settling = null;
      this.waiting = null;
      clearTimeout(this.pending);
      this.pending = null;
      this.tell(true);
    },
    tell(resting) {
      this.sent += 1;
      clearTimeout(this.doubt);
      this.doubt = setTimeout(() => { this.sent = this.heard; this.follow(); }, HEARD_WITHIN);
      this.$emit("move", { position: this.shown, resting });
    },
  },
  beforeUnmount() {
    this.rest();
    clearTimeout(this.pending);
    clearTimeout(this.doubt);
  },
};
