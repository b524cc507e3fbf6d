/* The core kernel in C: the same steps, in the same order, as core_numba.py and the engine. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* TOLERANCE, LARGEST, FEWEST_TERMS, MOST_TERMS and MOST_PARTS come from model.transitions: core_c.py
   gives them to the compiler. */

typedef struct {
    int64_t products, states, flows, strata, regions, blocks, bands, months;
    const int64_t *state_start, *flow_start, *origin, *destination, *region_start;
    const double *base, *factor, *moving_up, *coming;
} problem;

static void arrive(size_t width, int64_t flows, const int64_t *origin, const int64_t *destination,
                   const double *restrict hazard, const double *restrict level,
                   double *restrict change) {
    for (int64_t f = 0; f < flows;) {
        int64_t into = destination[f], together = 1;
        while (together < 3 && f + together < flows && destination[f + together] == into)
            together++;
        double *restrict to = change + into * width;
        const double *restrict h0 = hazard + f * width;
        const double *restrict from0 = level + origin[f] * width;
        if (together == 1) {
            for (size_t s = 0; s < width; s++) to[s] += h0[s] * from0[s];
        } else if (together == 2) {
            const double *restrict h1 = h0 + width;
            const double *restrict from1 = level + origin[f + 1] * width;
            for (size_t s = 0; s < width; s++) to[s] += h0[s] * from0[s] + h1[s] * from1[s];
        } else {
            const double *restrict h1 = h0 + width, *restrict h2 = h1 + width;
            const double *restrict from1 = level + origin[f + 1] * width;
            const double *restrict from2 = level + origin[f + 2] * width;
            for (size_t s = 0; s < width; s++)
                to[s] += h0[s] * from0[s] + h1[s] * from1[s] + h2[s] * from2[s];
        }
        f += together;
    }
}

static void term(size_t size, const double *restrict stock, const double *restrict leaving,
                 double *restrict level, double *restrict change, double step) {
    for (size_t i = 0; i < size; i++) {
        double value = stock[i] + step * change[i];
        level[i] = value;
        change[i] = -leaving[i] * value;
    }
}

/* Sums and maxima in eight lanes: the compiler may not reorder a plain one, numba's code may. */
#define LANES 8

static double find_largest(size_t size, const double *restrict leaving) {
    double lane[LANES] = {0.0};
    size_t i = 0;
    for (; i + LANES <= size; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] = leaving[i + l] > lane[l] ? leaving[i + l] : lane[l];
    for (; i < size; i++) lane[0] = leaving[i] > lane[0] ? leaving[i] : lane[0];
    for (int l = 1; l < LANES; l++) lane[0] = lane[l] > lane[0] ? lane[l] : lane[0];
    return lane[0];
}

static int count_terms(size_t size, const double *restrict stock, const double *restrict leaving,
                       double step, double largest) {
    double people[LANES] = {0.0}, fast[LANES] = {0.0};
    size_t i = 0;
    for (; i + LANES <= size; i += LANES)
        for (int l = 0; l < LANES; l++) {
            double x = leaving[i + l] * step;
            people[l] += stock[i + l];
            fast[l] += stock[i + l] * (x * x) * (x * x) * x;
        }
    for (; i < size; i++) {
        double x = leaving[i] * step;
        people[0] += stock[i];
        fast[0] += stock[i] * (x * x) * (x * x) * x;
    }
    for (int l = 1; l < LANES; l++) {
        people[0] += people[l];
        fast[0] += fast[l];
    }
    int terms = FEWEST_TERMS;
    for (double left = fast[0] / 120.0; terms < MOST_TERMS && left > TOLERANCE * people[0];)
        left *= largest * step / ++terms;
    return terms;
}

static void propagate(size_t width, int64_t flows, size_t size, const int64_t *origin,
                      const int64_t *destination, const double *restrict hazard,
                      const double *restrict leaving, double *restrict stock,
                      double *restrict work, double years) {
    double *restrict integral = work, *restrict level = work + size;
    double *restrict change = work + 2 * size;
    double largest = find_largest(size, leaving);
    int64_t parts = 1;
    if (largest * years > LARGEST) {
        double wanted = ceil(largest * years / LARGEST);
        parts = wanted < MOST_PARTS ? (int64_t)wanted : MOST_PARTS;
    }
    double step = years / (double)parts;
    int terms = count_terms(size, stock, leaving, step, largest);
    for (int64_t part = 0; part < parts; part++) {
        term(size, stock, leaving, level, change, part == 0 ? 0.0 : step);
        if (part > 0) memcpy(stock, level, size * sizeof *stock);
        arrive(width, flows, origin, destination, hazard, level, change);
        for (int k = terms; k > 1; k--) {
            term(size, stock, leaving, level, change, step / k);
            arrive(width, flows, origin, destination, hazard, level, change);
        }
        if (part == 0)
            for (size_t i = 0; i < size; i++) integral[i] = step * level[i];
        else
            for (size_t i = 0; i < size; i++) integral[i] += step * level[i];
    }
    for (size_t i = 0; i < size; i++) stock[i] += step * change[i];
}

static void set_hazards(const problem *core, int64_t p, int64_t r, int64_t month,
                        double *restrict hazard, double *restrict leaving) {
    int64_t start = core->region_start[r], first = core->flow_start[p];
    size_t width = (size_t)(core->region_start[r + 1] - start);
    size_t rows = (size_t)(core->state_start[p + 1] - core->state_start[p]);
    memset(leaving, 0, rows * width * sizeof *leaving);
    for (int64_t f = first; f < core->flow_start[p + 1]; f++) {
        const double *restrict base = core->base + f * core->strata + start;
        double factor = core->factor[(month * core->flows + f) * core->regions + r];
        double *restrict row = hazard + (f - first) * width;
        double *restrict sum = leaving + core->origin[f] * width;
        for (size_t s = 0; s < width; s++) {
            row[s] = base[s] * factor;
            sum[s] += row[s];
        }
    }
}

static void advance(const problem *core, int64_t p, int64_t r, double *restrict stock,
                    double *restrict lived, double *restrict hazard, double *restrict leaving,
                    double *restrict local, double *restrict work) {
    int64_t start = core->region_start[r], at = core->flow_start[p], z0 = core->state_start[p];
    size_t width = (size_t)(core->region_start[r + 1] - start);
    size_t rows = (size_t)(core->state_start[p + 1] - z0);
    for (size_t z = 0; z < rows; z++)
        memcpy(local + z * width, stock + (z0 + z) * core->strata + start, width * sizeof *local);
    propagate(width, core->flow_start[p + 1] - at, rows * width, core->origin + at,
              core->destination + at, hazard, leaving, local, work, 1.0 / 12.0);
    for (size_t z = 0; z < rows; z++) {
        double *restrict to = lived + (z0 + z) * core->strata + start;
        memcpy(stock + (z0 + z) * core->strata + start, local + z * width, width * sizeof *local);
        for (size_t s = 0; s < width; s++) to[s] += work[z * width + s];
    }
}

static void grow_older(double *restrict row, const double *moving_up, const double *coming,
                       int64_t blocks, int64_t bands) {
    for (int64_t block = 0; block < blocks; block++) {
        int64_t first = block * bands;
        for (int64_t b = first + bands - 1; b >= first; b--) {
            double staying = row[b] * (1.0 - moving_up[b]);
            row[b] = staying + (b == first ? coming[block] : row[b - 1] * moving_up[b - 1]);
        }
    }
}

/* stock (Z, S) is changed; lived (years, Z, S) is added to; scratch holds F*S + 5*Z*S numbers. */
void run_core(const problem *core, double *stock, double *lived, double *scratch) {
    size_t cells = (size_t)(core->states * core->strata);
    double *hazard = scratch, *leaving = hazard + core->flows * core->strata;
    double *local = leaving + cells, *work = local + cells;
    for (int64_t month = 0; month < core->months; month++) {
        for (int64_t p = 0; p < core->products; p++)
            for (int64_t r = 0; r < core->regions; r++) {
                set_hazards(core, p, r, month, hazard, leaving);
                advance(core, p, r, stock, lived + month / 12 * cells, hazard, leaving, local,
                        work);
            }
        if (month % 12 == 11)
            for (int64_t z = 0; z < core->states; z++)
                grow_older(stock + z * core->strata, core->moving_up + month / 12 * core->strata,
                           core->coming + (month / 12 * core->states + z) * core->blocks,
                           core->blocks, core->bands);
    }
}
