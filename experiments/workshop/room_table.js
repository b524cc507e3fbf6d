// A table whose first column names its rows. Cells are text, never HTML.
export default {
  template: `
    <div class="df-room-table-box" role="group" tabindex="0" :aria-label="caption">
      <table class="df-room-table">
        <caption>{{ caption }}</caption>
        <thead><tr><th v-for="cell in head" scope="col">{{ cell }}</th></tr></thead>
        <tbody>
          <tr v-for="row in rows">
            <th scope="row">{{ row[0] }}</th>
            <td v-for="cell in row.slice(1)">{{ cell }}</td>
          </tr>
        </tbody>
      </table>
    </div>`,
  props: { caption: String, head: Array, rows: Array },
};
