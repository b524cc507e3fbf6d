"""Files of each kind with every key that they may hold; tests change them."""

from __future__ import annotations

SCENARIO = """\
id: dearer-tobacco
title: Dearer tobacco
description: The price of tobacco rises by half.
author: A test
date: 2026-01-31
note: why it is as it is
version: 1
branch: 2024-01
blocks: [sd3, calm-apart]
levers: {SD1: 50, "1.1": 20, tobacco-tax: -25}
trends: {F1: 50, F6: -25.5}
central_trends: false
events:
  - {driver: F3.2, from: 2026-03, size: central, months: 18}
rules: [cocaine-loads, hepatitis-c]
settings: {subadditivity: 0.8, floor: 0.2}
changes:
  - handle: price
    products: [tobacco, kind:illegal]
    regions: [Flanders]
    ages: [null, null]
    from: 2024-07
    to: 2026-12
    multiplier: 1.5
    note: an example
    source: assumed
  - handle: initiation
    products: [cannabis]
    ages: [15, 24]
    sexes: [male]
    deprivation: [others]
    from: 2025-01
    multiplier: 0.5
  - {handle: price_floor, products: [alcohol], from: 2025-01, level: 0.5}
"""

LEVERS = """\
id: SD1
objectives:
  - id: "1.1"
    measures:
      - id: own-measure
        in_strategy: implied
        grade: rct
        source: assumed
        where: a page
        range: [-100, 100]
        full: {value: 20, low: 10, high: 40, unit: "% of the price", source: assumed}
        timing: {start: 2025-01, lag: 0.5, ramp: 1, fades: 0.1}
        reach: {most_deprived: 0.5, others: 1.2}
        reach_source: assumed
        joint: true
        fidelity: true
        local: true
        effects:
          - handle: price
            products: [alcohol]
            regions: [Brussels]
            form: share
            effect: {central: 1.2, low: 1.1, high: 1.4, source: assumed}
          - handle: initiation
            products: [cannabis]
            ages: [15, 24]
            sexes: [female]
            deprivation: [most_deprived]
            effect: {central: 0.8, low: 0.6, high: 1.0}
            as: odds_ratio
            baseline: {value: 0.3, source: assumed}
            coverage: {central: 0.3, low: 0.1, high: 0.5, source: assumed}
            interval: 90
            fades: 0.2
            source: assumed
          - handle: capacity
            products: [all]
            form: dose
            effect: {central: 1.5}
          - handle: price_floor
            products: [alcohol]
            form: level
            effect: {central: 0.5, low: 0.4, high: 0.6}
          - handle: availability
            products: [tobacco]
            form: points
            points: {0: 1.0, 25: 0.97, 50: 0.93, 100: 0.9}
          - handle: lag
            measures: [joint, SD3, "2.1", tobacco-tax]
            form: dose
            effect: {central: 0.7, low: 0.5, high: 1.0}
        indicator: {id: initiations, product: cannabis, sign: down, ages: [15, 24]}
        published:
          {value: 0.9, low: 0.8, high: 1.0, statistic: ratio, of: "transition:initiation",
           product: cannabis, ages: [15, 24], sexes: [female], months: 24,
           position: 50, note: a study}
        cost: {eur_per_year: 100000, low: 50000, high: 200000, price_year: 2024, source: assumed}
        unit_cost: {value: 3, low: 1, high: 5, unit: EUR, price_year: 2024, source: assumed}
        note: why
"""

TRENDS = """\
id: F3
note: a trend
drivers:
  - id: F3.1
    side: mixed
    in_text: "yes"
    shape: s-curve
    basis: direction
    source: assumed
    where: a page
    effects:
      - handle: initiation
        products: [cannabis]
        ages: [15, 24]
        low: 0.7
        central: 0.9
        high: 1.2
        plus: high
        minus: low
        source: assumed
      - {handle: lag, measures: [local], low: 0.8, central: 1.0, high: 1.5, plus: high, minus: low}
    interacts_with: [F4, F3.2]
    note: why
  - id: F3.9
    side: adverse
    in_text: partly
    shape: shock
    basis: assumed
    source: assumed
    effects:
      - {handle: overdose, products: [opioids], low: 1.0, central: 1.3, high: 2.0, plus: high}
    shock: {low: 0.02, central: 0.05, high: 0.1, months: 24, by_2030: false, plus: high, event: own}
    note: why
"""

RULES = """\
rules:
  - id: own-rule
    indicator: initiations
    product: cannabis
    region: Flanders
    when: rises
    threshold: 0.2
    window: 2
    noise: 0.15
    delay: 3
    interval: 48
    then: {tobacco-tax: 50, port-interdiction: 50}
    source: assumed
    note: why
"""

BLOCKS = """\
blocks:
  own-block:
    levers: {SD1: 100, tobacco-tax: -20}
    trends: {F1: -75}
    events:
      - {driver: F1.4, from: 2026-01, size: high, months: 24}
    rules: [all]
    changes:
      - {handle: capacity, products: [opioids], from: 2026-01, multiplier: 0.8}
    settings: {floor: 0.2}
  other: {central_trends: true}
"""
