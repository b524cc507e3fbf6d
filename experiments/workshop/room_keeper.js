// What the facilitator's browser holds in this tab alone: the token, and the collection for a server
// that is started anew. Takes the token out of the address, where others could read it.
const KEY = "df-room";

function held() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

export default {
  template: "<div hidden></div>",
  emits: ["found"],
  async mounted() {
    const address = new URL(location.href);
    const given = address.searchParams.get("token");
    if (given !== null) {
      address.searchParams.delete("token");
      history.replaceState(history.state, "", address);
    }
    const { token, ...rest } = held();
    const same = given === null || given === token; // what belongs to another token stays out
    await this.$nextTick();
    this.$emit("found", { token: given ?? token ?? "", ...(same ? rest : {}) });
  },
  methods: {
    keep(more) {
      const text = JSON.stringify({ ...held(), ...more });
      try {
        sessionStorage.setItem(KEY, text);
      } catch {
        sessionStorage.removeItem(KEY);
      }
    },
  },
};
