// One recorded run of agents, played month by month: people with their ties, treatment centres,
// markets. Everything shown is in a table too; nothing is asked of the server while it plays.
const MARKS = {
  never: "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
  former: "M-4,-4H4V4H-4Z",
  recovery: "M-2,-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
  occasional: "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0Z",
  problematic: "M0,-8L7.5,6H-7.5Z",
  waiting: "M0,-8.5L8.5,0L0,8.5L-8.5,0Z",
  treatment: "M-6.5,-6.5H6.5V6.5H-6.5Z",
  away: "M-3.5,-3.5L3.5,3.5M3.5,-3.5L-3.5,3.5",
};
const CARE = ["problematic", "waiting", "treatment", "recovery"];
const COUNTS = ["importers", "wholesalers", "sellers", "vendors"];
const INDICES = ["price", "purity"];

export default {
  template: `
  <div class="df-agents" :class="{ 'df-agents-still': reduced }">
    <div class="df-agents-controls" role="group" :aria-label="say('agents.controls')">
      <label class="df-agents-choice">{{ say("agents.scenario") }}
        <select v-model="scenario"><option v-for="(name, id) in names" :key="id" :value="id">{{ name }}</option></select>
      </label>
      <button type="button" class="df-agents-play" @click="toggle">
        <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true"><path :d="playing ? 'M2,1H5.5V13H2ZM8.5,1H12V13H8.5Z' : 'M2,1L13,7L2,13Z'"/></svg>
        {{ playing ? say("agents.pause") : say("agents.play") }}
      </button>
      <button type="button" @click="go(month - step)" :disabled="month === 0" :aria-label="say(reduced ? 'agents.year.back' : 'agents.month.back')"
        :title="say(reduced ? 'agents.year.back' : 'agents.month.back')"><span aria-hidden="true">−1</span></button>
      <input type="range" min="0" :max="last" :step="1" v-model.number="month" @pointerdown="hold" @keydown="hold" @change="tell"
        :aria-label="say('agents.month')" :aria-valuetext="when"/>
      <button type="button" @click="go(month + step)" :disabled="month === last" :aria-label="say(reduced ? 'agents.year.on' : 'agents.month.on')"
        :title="say(reduced ? 'agents.year.on' : 'agents.month.on')"><span aria-hidden="true">+1</span></button>
      <output class="df-agents-when">{{ when }}</output>
      <label class="df-agents-choice" v-if="!reduced">{{ say("agents.speed") }}
        <select v-model.number="speed"><option v-for="n in [1, 2, 4, 8]" :key="n" :value="n">{{ say("agents.speed.n", { n }) }}</option></select>
      </label>
    </div>
    <p v-if="reduced" class="df-agents-small">{{ say("agents.reduced") }}</p>
    <p class="df-agents-told" role="status" aria-live="polite">{{ told }}</p>
    <div class="df-agents-grid">
      <figure class="df-agents-people">
        <figcaption><h2>{{ say("agents.people") }}</h2>
          <p>{{ say("agents.dot", { shown: number(run.at.length), persons: rounded(run.persons) }) }} {{ say("agents.notsize") }}</p></figcaption>
        <svg :viewBox="'0 0 ' + run.width + ' ' + run.height" role="img" :aria-label="say('agents.picture', { shown: number(run.at.length) })">
          <g class="df-agents-ties"><line v-for="(tie, i) in run.ties" :key="i" :class="'df-tie-' + run.tie_kinds[tie[2]]"
            :x1="run.at[tie[0]][0]" :y1="run.at[tie[0]][1]" :x2="run.at[tie[1]][0]" :y2="run.at[tie[1]][1]"/></g>
          <g v-for="(at, i) in run.at" :key="i" :transform="'translate(' + at[0] + ',' + at[1] + ')'">
            <circle v-if="changed(i)" r="12" class="df-agents-changed"/>
            <path :d="mark(state(i))" :class="'df-mark df-mark-' + state(i)"/>
          </g>
        </svg>
        <p class="df-agents-legend">
          <span v-for="kind in run.tie_kinds" :key="kind"><svg width="34" height="10" aria-hidden="true"><line x1="2" y1="5" x2="32" y2="5" :class="'df-tie-' + kind"/></svg>{{ say("agents.tie." + kind) }}</span>
          <span><svg width="26" height="26" viewBox="-13 -13 26 26" aria-hidden="true"><circle r="11" class="df-agents-changed"/></svg>{{ say("agents.changed") }}</span>
        </p>
      </figure>
      <div class="df-agents-side">
        <section>
          <h2>{{ say("agents.states") }}</h2>
          <table class="df-agents-table">
            <caption>{{ say("agents.states.caption", { when: first }) }}</caption>
            <thead><tr><th scope="col">{{ say("agents.state") }}</th><th scope="col">{{ say("agents.shown") }}</th><th scope="col">{{ say("agents.region", { region: region }) }}</th></tr></thead>
            <tbody><tr v-for="one in run.states" :key="one"><th scope="row"><svg width="20" height="20" viewBox="-10 -10 20 20" aria-hidden="true"><path :d="mark(one)" :class="'df-mark df-mark-' + one"/></svg>{{ say("agents.state." + one) }}</th>
              <td>{{ number(shown(one, month)) }}</td><td>{{ one in run.totals ? persons(run.totals[one][month]) : "–" }}</td></tr></tbody>
          </table>
        </section>
        <section>
          <h2>{{ say("agents.centres") }}</h2>
          <p class="df-agents-small">{{ say("agents.centres.about") }}</p>
          <div class="df-agents-wide" tabindex="0" role="region" :aria-label="say('agents.centres')">
          <table class="df-agents-table df-agents-centres">
            <caption>{{ say("agents.centres.caption", { when: first }) }}</caption>
            <thead><tr><th scope="col">{{ say("agents.centre") }}</th><th scope="col" class="df-agents-barhead"><span class="df-key"><i class="df-key-treated"></i>{{ say("agents.treated") }}</span> <span class="df-key"><i class="df-key-waiting"></i>{{ say("agents.waiting") }}</span></th>
              <th scope="col">{{ say("agents.places") }}</th><th scope="col">{{ say("agents.treated") }}</th><th scope="col">{{ say("agents.waiting") }}</th><th scope="col">{{ say("agents.weeks") }}</th></tr></thead>
            <tbody><tr v-for="(centre, c) in services" :key="centre.service"><th scope="row">{{ say("agents.service." + centre.service) }}</th>
              <td class="df-agents-bars"><svg width="100%" height="26" viewBox="0 0 100 26" preserveAspectRatio="none" aria-hidden="true">
                <rect x="0" y="1" height="11" :width="wide(centre.treated[month])" class="df-bar-treated"/><rect x="0" y="14" height="11" :width="wide(centre.waiting[month])" class="df-bar-waiting"/>
                <line :x1="wide(centre.places[month])" :x2="wide(centre.places[month])" y1="0" y2="13" class="df-bar-places"/></svg></td>
              <td>{{ persons(centre.places[month]) }}</td><td>{{ persons(centre.treated[month]) }}</td><td>{{ persons(centre.waiting[month]) }}</td><td>{{ centre.weeks[month] === null ? "–" : number(centre.weeks[month], 1) }}</td></tr></tbody>
          </table></div>
        </section>
      </div>
      <section class="df-agents-market">
        <h2>{{ say("agents.market") }}</h2>
        <label class="df-agents-choice">{{ say("agents.product") }} <select v-model="product"><option v-for="(_, id) in run.markets" :key="id" :value="id">{{ products[id] }}</option></select></label>
        <table class="df-agents-table">
          <caption>{{ say("agents.market.caption", { product: products[product], when }) }}</caption>
          <thead><tr><th scope="col">{{ say("agents.what") }}</th><th scope="col">{{ say("agents.now") }}</th><th scope="col">{{ say("agents.over") }}</th></tr></thead>
          <tbody><tr v-for="key in rows" :key="key"><th scope="row">{{ say("agents.market." + key) }}</th><td>{{ number(market[key][month], decimals(key)) }}</td>
            <td class="df-agents-spark"><svg width="120" height="26" viewBox="0 0 120 26" role="img" :aria-label="line(key)"><path :d="spark(market[key])" class="df-spark"/><line :x1="place(month)" :x2="place(month)" y1="1" y2="25" class="df-spark-now"/></svg></td></tr></tbody>
        </table>
        <p class="df-agents-small">{{ say("agents.market.about") }}</p>
      </section>
    </div>
    <details class="df-agents-years"><summary>{{ say("agents.years") }}</summary>
      <div class="df-agents-wide" tabindex="0" role="region" :aria-label="say('agents.years')">
      <table class="df-agents-table">
        <caption>{{ say("agents.years.caption", { scenario: names[scenario], region: region }) }}</caption>
        <thead><tr><th scope="col">{{ say("agents.what") }}</th><th v-for="y in years" :key="y" scope="col">{{ y + run.first_year }}</th></tr></thead>
        <tbody>
          <tr class="df-agents-part"><th scope="rowgroup" :colspan="years.length + 1">{{ say("agents.region", { region: region }) }}</th></tr>
          <tr v-for="one in counted" :key="one"><th scope="row">{{ say("agents.state." + one) }}</th><td v-for="y in years" :key="y">{{ persons(run.totals[one][12 * y]) }}</td></tr>
          <tr class="df-agents-part"><th scope="rowgroup" :colspan="years.length + 1">{{ say("agents.shown") }}</th></tr>
          <tr v-for="one in run.states" :key="'s' + one"><th scope="row">{{ say("agents.state." + one) }}</th><td v-for="y in years" :key="y">{{ number(shown(one, 12 * y)) }}</td></tr>
          <template v-for="centre in services" :key="'c' + centre.service">
            <tr class="df-agents-part"><th scope="rowgroup" :colspan="years.length + 1">{{ say("agents.service." + centre.service) }}</th></tr>
            <tr v-for="key in ['places', 'treated', 'waiting']" :key="key"><th scope="row">{{ say("agents." + key) }}</th><td v-for="y in years" :key="y">{{ persons(centre[key][12 * y]) }}</td></tr>
            <tr><th scope="row">{{ say("agents.weeks") }}</th><td v-for="y in years" :key="y">{{ centre.weeks[12 * y] === null ? "–" : number(centre.weeks[12 * y], 1) }}</td></tr>
          </template>
          <tr class="df-agents-part"><th scope="rowgroup" :colspan="years.length + 1">{{ say("agents.market") }}: {{ products[product] }}</th></tr>
          <tr v-for="key in rows" :key="'m' + key"><th scope="row">{{ say("agents.market." + key) }}</th><td v-for="y in years" :key="y">{{ number(market[key][12 * y], decimals(key)) }}</td></tr>
        </tbody>
      </table></div>
    </details>
  </div>`,
  props: { runs: Object, names: Object, products: Object, words: Object, region: String, language: String },
  data() {
    const reduced = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const scenario = Object.keys(this.runs)[0];
    const product = "cocaine" in this.runs[scenario].markets ? "cocaine" : Object.keys(this.runs[scenario].markets)[0];
    return { scenario, product, month: 0, playing: false, speed: 2, reduced, told: "", rows: [...COUNTS, ...INDICES, "stopped"] };
  },
  computed: {
    run() { return this.runs[this.scenario]; },
    market() { return this.run.markets[this.product]; },
    counted() { return this.run.states.filter((state) => state in this.run.totals); },
    last() { return this.run.months - 1; },
    step() { return this.reduced ? 12 : 1; },
    years() { return Array.from({ length: Math.floor(this.last / 12) + 1 }, (_, y) => y); },
    when() {
      const date = new Date(Date.UTC(this.run.first_year, this.month, 1));
      return new Intl.DateTimeFormat(this.language, { month: "long", year: "numeric", timeZone: "UTC" }).format(date);
    },
    first() { return this.when[0].toLocaleUpperCase(this.language) + this.when.slice(1); }, // begins a sentence
    // Centres of one kind of care together: in the model each stands for several of its size.
    services() {
      const found = {};
      for (const centre of this.run.centres) {
        const into = found[centre.service] ||= { service: centre.service, places: this.none(), treated: this.none(), waiting: this.none(), weeks: this.none() };
        for (let m = 0; m <= this.last; m++) {
          for (const key of ["places", "treated", "waiting"]) into[key][m] += centre[key][m];
          into.weeks[m] += centre.waiting[m] * (centre.weeks[m] ?? 0);
        }
      }
      for (const one of Object.values(found)) one.weeks = one.weeks.map((sum, m) => (one.waiting[m] ? sum / one.waiting[m] : null));
      return Object.values(found);
    },
    most() { return Math.max(1, ...this.services.flatMap((one) => [...one.places, ...one.treated, ...one.waiting])); },
  },
  watch: { scenario() { if (!this.playing) this.tell(); } },
  mounted() {
    this.media = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.heard = () => { this.reduced = this.media.matches; this.hold(); };
    this.media.addEventListener("change", this.heard);
    this.tell();
  },
  unmounted() {
    clearTimeout(this.timer);
    this.media.removeEventListener("change", this.heard);
  },
  methods: {
    say(key, gaps = {}) { return this.words[key].replace(/\{(\w+)\}/g, (_, gap) => gaps[gap]); },
    number(value, digits = 0) { return new Intl.NumberFormat(this.language, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value); },
    rounded(value) { return new Intl.NumberFormat(this.language, { maximumSignificantDigits: 2 }).format(value); },
    persons(agents) { return this.rounded(agents * this.run.persons); },
    decimals(key) { return COUNTS.includes(key) ? 0 : key === "stopped" ? 2 : 1; },
    none() { return new Array(this.last + 1).fill(0); },
    mark(state) { return MARKS[state]; },
    state(i) { return this.run.states[Number(this.run.sample[this.month][i])]; },
    changed(i) {
      const before = Math.max(0, this.month - this.step);
      return this.run.sample[before][i] !== this.run.sample[this.month][i];
    },
    shown(state, month) { return this.run.sample[month].split(String(this.run.states.indexOf(state))).length - 1; },
    wide(agents) { return (100 * agents) / this.most; },
    place(month) { return 3 + (114 * month) / this.last; },
    spark(row) {
      const low = Math.min(...row), high = Math.max(...row);
      return row.map((v, m) => `${m ? "L" : "M"}${this.place(m).toFixed(1)},${(high > low ? 23 - (20 * (v - low)) / (high - low) : 13).toFixed(1)}`).join("");
    },
    line(key) {
      const row = this.market[key], digits = this.decimals(key);
      return this.say("agents.line", { what: this.say("agents.market." + key), low: this.number(Math.min(...row), digits), high: this.number(Math.max(...row), digits) });
    },
    toggle() {
      if (this.playing) return this.hold(), this.tell();
      if (this.month === this.last) this.month = 0;
      this.playing = true;
      this.told = ""; // it would be of a month gone by
      this.next();
    },
    next() {
      this.timer = setTimeout(() => {
        this.month = Math.min(this.last, this.month + this.step);
        if (this.month < this.last) return this.next();
        this.hold();
        this.tell();
      }, this.reduced ? 2000 : 1000 / this.speed);
    },
    hold() {
      clearTimeout(this.timer);
      this.playing = false;
    },
    go(month) {
      this.hold();
      this.month = Math.min(this.last, Math.max(0, month));
      this.tell();
    },
    tell() {
      const gaps = { when: this.first, region: this.region, scenario: this.names[this.scenario] };
      for (const state of CARE) {
        gaps[state] = this.number(this.shown(state, this.month));
        gaps["all_" + state] = this.persons(this.run.totals[state][this.month]);
      }
      this.told = this.say("agents.told", gaps);
    },
  },
};
