// One graph. The server sends whole options once, then patches; this writes numbers as the language
// does, draws observed figures, and notes when an answer has been painted.
import { echarts } from "nicegui-echart";

const GREY = "#595959";
const HALF = 5; // pixels, half a hollow dot
const MOST = 2000; // paints that are remembered

function height(api, year, number) {
  return api.coord([year, number]);
}

function figure(params, api) {
  const [year, value, low, high] = [0, 1, 2, 3].map((i) => api.value(i));
  const style = { stroke: GREY, fill: "#ffffff", lineWidth: 2 };
  const parts = [];
  const at = (number) => height(api, year, number);
  if (Number.isFinite(low) && Number.isFinite(high)) {
    const [x, y1] = at(low);
    const y2 = at(high)[1];
    for (const [a, b, c, d] of [[x, y1, x, y2], [x - 4, y1, x + 4, y1], [x - 4, y2, x + 4, y2]]) {
      parts.push({ type: "line", shape: { x1: a, y1: b, x2: c, y2: d }, style });
    }
  } else if (!Number.isFinite(value)) {
    const [x, y] = at(Number.isFinite(low) ? low : high);
    parts.push({ type: "line", shape: { x1: x - 6, y1: y, x2: x + 6, y2: y }, style });
  }
  if (Number.isFinite(value)) {
    const [cx, cy] = at(value);
    parts.push({ type: "circle", shape: { cx, cy, r: HALF }, style });
  }
  return { type: "group", children: parts };
}

export default {
  template: "<div></div>",
  props: { options: Object, language: String },
  data: () => ({ names: {}, figures: [] }),
  async mounted() {
    await new Promise((resolve) => setTimeout(resolve, 0));
    const short = { notation: "compact", maximumSignificantDigits: 3 };
    this.brief = new Intl.NumberFormat(this.language, short);
    this.axis = new Intl.NumberFormat(this.language, { maximumSignificantDigits: 6 });
    this.exact = new Intl.NumberFormat(this.language, { maximumSignificantDigits: 3 });
    const chart = echarts.init(this.$el, null, { renderer: "canvas" });
    chart.getZr().setSleepAfterStill(1); // nothing here moves by itself
    chart.on("rendered", () => this.painted());
    const options = this.options;
    options.yAxis.axisLabel.formatter = (number) =>
      Math.abs(number) < 1e6 ? this.axis.format(number) : this.brief.format(number);
    options.tooltip.formatter = (rows) => this.told(rows);
    options.series.find((one) => one.id === "dots").renderItem = figure;
    chart.setOption(options);
    this.chart = chart;
    this.waiting?.forEach((one) => this.patch(...one));
    this.observer = new ResizeObserver(() => chart.resize());
    this.observer.observe(this.$el);
  },
  beforeUnmount() {
    this.observer?.disconnect();
    this.chart?.dispose();
  },
  methods: {
    patch(option, draws, told) {
      if (!this.chart) {
        (this.waiting ??= []).push([option, draws, told]);
        return;
      }
      Object.assign(this, told);
      if (draws) this.draws = draws;
      if (Object.keys(option).length) this.chart.setOption(option);
      else this.painted(); // the graph stands as it should
    },
    painted() {
      const df = window.df;
      if (!this.draws || !df || df.moved === null) return;
      df.painted.push({ ms: performance.now() - df.moved, draws: this.draws });
      if (df.painted.length > MOST) df.painted.shift();
      this.draws = null;
    },
    told(rows) {
      const by = Object.fromEntries(rows.map((row) => [row.seriesId, row.value]));
      const year = rows[0].axisValue;
      const lines = [`<b>${year}</b>`];
      const say = (median, low, high) =>
        `${this.exact.format(median)} (${this.exact.format(low)}–${this.exact.format(high)})`;
      const name = (key) => echarts.format.encodeHTML(this.names[key] ?? "");
      if (by.own !== undefined) {
        const high = ["below", "band.low", "band.half", "band.high"].reduce((sum, key) => sum + by[key], 0);
        lines.push(`${name("own")}: ${say(by.own, by.below, high)}`);
      }
      if (by.reference !== undefined) {
        lines.push(`${name("reference")}: ${say(by.reference, by["reference.low"], by["reference.high"])}`);
      }
      for (const key of ["overlaid.1", "overlaid.2"]) {
        if (by[key] !== undefined) lines.push(`${name(key)}: ${this.exact.format(by[key])}`);
      }
      for (const one of this.figures.filter((figure) => String(figure[0]) === year)) {
        lines.push(echarts.format.encodeHTML(one[1]));
      }
      return `<div class="df-tip">${lines.join("<br>")}</div>`;
    },
  },
};
