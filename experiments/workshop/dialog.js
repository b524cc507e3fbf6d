// A modal <dialog>: named by its heading, closed by Escape, by its button or by a click outside.
// The browser gives the focus back; where the opener was drawn anew meanwhile, whatever carries its
// data-df gets it.
export default {
  template: `
    <dialog class="df-dialog" :class="{ 'df-dialog-wide': wide }" :aria-labelledby="heading"
            @close.self="shut" @pointerdown.self="pressed = outside($event)" @click.self="left">
      <header class="df-dialog-head">
        <h2 :id="heading" tabindex="-1" ref="heading">{{ title }}</h2>
        <button type="button" class="df-dialog-close" :aria-label="leave" :title="leave" @click="close">
          <span aria-hidden="true">×</span>
        </button>
      </header>
      <div class="df-dialog-body" ref="body" v-bind="reach">
        <div class="df-dialog-inner" ref="inner"><slot></slot></div>
      </div>
    </dialog>`,
  props: { title: String, leave: String, wide: Boolean },
  emits: ["shut"],
  data() {
    return { heading: `df-dialog-${Math.random().toString(36).slice(2)}`, pressed: false, opener: null, reach: {} };
  },
  mounted() {
    // What scrolls can be reached with the keyboard; what does not is no stop on the way.
    this.sizes = new ResizeObserver(() => {
      const { scrollHeight, clientHeight } = this.$refs.body;
      const scrolls = scrollHeight > clientHeight + 1;
      this.reach = scrolls ? { tabindex: 0, role: "group", "aria-labelledby": this.heading } : {};
    });
    this.sizes.observe(this.$refs.body);
    this.sizes.observe(this.$refs.inner);
  },
  unmounted() {
    this.sizes.disconnect();
  },
  methods: {
    async open() {
      await this.$nextTick();
      if (this.$el.open) return;
      this.opener = document.activeElement;
      this.$el.showModal();
      const first = this.$el.querySelector(".df-dialog-body [autofocus]");
      (first || this.$refs.heading).focus();
      if (first && first.select) first.select();
    },
    close() {
      this.$el.close();
    },
    outside(event) {
      const box = this.$el.getBoundingClientRect();
      return (
        event.clientX < box.left || event.clientX > box.right ||
        event.clientY < box.top || event.clientY > box.bottom
      );
    },
    left(event) {
      // Both ends of the click: text may be selected by dragging out of the dialog.
      if (this.pressed && this.outside(event)) this.close();
      this.pressed = false;
    },
    async shut() {
      const opener = this.opener;
      this.opener = null;
      this.$emit("shut");
      await this.$nextTick();
      if (!opener || opener === document.body || opener.isConnected) return;
      const key = opener.getAttribute("data-df");
      const again = key && document.querySelector(`[data-df="${CSS.escape(key)}"]`);
      if (again) again.focus();
    },
  },
};
