// The scenarios that a room sent. Rows are known by their key, so that the focus stays where it is
// while others arrive. All that people typed is text here, never HTML.
const LINES = [["scenario", null], ["over1", "2 3"], ["over2", "8 3 2 3"]]; // as in the graphs

export default {
  template: `
    <ol class="df-room-list">
      <li v-for="(row, i) in rows" :key="row.key" class="df-room-row">
        <div class="df-room-row-head">
          <label class="df-room-pick">
            <input type="checkbox" :checked="row.shown > 0" :data-df="'room-pick-' + row.key"
                   @change="pick($event, row)">
            <span v-if="row.shown" :class="['df-line', 'df-line-' + LINES[row.shown - 1][0]]" aria-hidden="true">
              <svg width="32" height="12" viewBox="0 0 32 12">
                <path d="M1 6H31" fill="none" :stroke-dasharray="LINES[row.shown - 1][1]"></path>
              </svg>
            </span>
            <span class="df-room-name">{{ row.name }}</span>
          </label>
          <span class="df-room-by">{{ row.sent }}</span>
        </div>
        <p v-if="row.note" class="df-room-note">{{ row.note }}</p>
        <details v-if="row.moved.length" class="df-room-moved">
          <summary>{{ row.count }}</summary>
          <ul><li v-for="one in row.moved">{{ one }}</li></ul>
        </details>
        <p v-else class="df-room-moved">{{ words.nothing }}</p>
        <div class="df-room-acts">
          <a class="df-button" :href="row.link" target="_blank" rel="noopener"
             :aria-label="row.open">{{ words.open }}</a>
          <button type="button" class="df-button df-icon" :aria-label="row.up" :title="row.up"
                  :aria-disabled="i === 0" :data-df="'room-up-' + row.key"
                  @click="move(row, -1, i)">↑</button>
          <button type="button" class="df-button df-icon" :aria-label="row.down" :title="row.down"
                  :aria-disabled="i === rows.length - 1" :data-df="'room-down-' + row.key"
                  @click="move(row, 1, i)">↓</button>
          <button type="button" class="df-button df-icon" :aria-label="row.delete" :title="row.delete"
                  :data-df="'room-delete-' + row.key" @click="$emit('act', { what: 'delete', key: row.key })">×</button>
        </div>
      </li>
    </ol>`,
  data: () => ({ LINES }),
  props: { rows: Array, words: Object },
  emits: ["act"],
  methods: {
    pick(event, row) {
      event.target.checked = row.shown > 0; // the server says when it is shown
      this.$emit("act", { what: "pick", key: row.key });
    },
    move(row, by, at) {
      if (at + by < 0 || at + by >= this.rows.length) return;
      this.again = document.activeElement?.dataset.df;
      this.$emit("act", { what: by < 0 ? "up" : "down", key: row.key });
    },
  },
  updated() {
    // A row that was moved loses the focus on its way.
    if (!this.again) return;
    const wanted = this.$el.querySelector(`[data-df="${this.again}"]`);
    if (document.activeElement === document.body) wanted?.focus();
    this.again = null;
  },
};
