// promtool's tests of an outage from its first run to its end, each with several scrape intervals. A case is a course of phases of
// Vault or of the exporter; the exporter's schedule says which runs see them, and the scrapes say which runs Prometheus sees.
local minute = 60;
local minutes(n) = n * minute;

// Phases. pod is the process that probes; another name is another process, which has no runs to remember.
local healthy(length, pod='1') = { length: length, pod: pod, component: 'none', reason: 'none', up: 1 };
local failing(length, component='vault', reason='vault_sealed', pod='1') = { length: length, pod: pod, component: component, reason: reason, up: 0 };
local away(length) = { length: length, pod: null };

local cases = [
  {
    name: 'one failed run, the first after a start, pages nobody',
    phases: [failing(55), healthy(minutes(20))],
  },
  {
    name: 'one failed run after the pod was away for three minutes pages nobody',
    phases: [healthy(minutes(9)), away(minutes(3)), failing(55), healthy(minutes(20))],
  },
  {
    name: 'one failed run, the first of a new pod in a rolling update, pages nobody',
    phases: [healthy(minutes(9)), failing(55, pod='2'), healthy(minutes(20), pod='2')],
  },
  {
    name: 'one failed run after a standby took over pages nobody',
    phases: [healthy(minutes(9)), away(20), failing(35, pod='2'), healthy(minutes(20), pod='2')],
  },
  {
    name: 'one failed run between others pages nobody',
    phases: [healthy(minutes(9)), failing(5), healthy(minutes(20))],
  },
  {
    name: 'two failed runs in a row page, and the page ends within six minutes of the first that succeeds',
    phases: [healthy(minutes(9)), failing(minutes(12)), healthy(minutes(20))],
    fires: [minutes(9), minutes(21)],
  },
  {
    name: 'the page holds while the exporter cannot be scraped for ten minutes',
    phases: [healthy(minutes(9)), failing(minutes(12)), away(minutes(10)), failing(minutes(5)), healthy(minutes(20))],
    fires: [minutes(9), minutes(36)],
  },
  {
    name: 'the page holds while the exporter restarts, and another pod takes over',
    phases: [
      healthy(minutes(9)),
      failing(minutes(12)),
      away(minutes(3)),
      failing(minutes(6), pod='2'),
      failing(minutes(6), pod='3'),
      healthy(minutes(20), pod='3'),
    ],
    fires: [minutes(9), minutes(36)],
  },
  {
    name: 'the page holds and stays the same while the reason and its owner change',
    phases: [
      healthy(minutes(9)),
      failing(minutes(6), 'reviewer', 'reviewer_expired'),
      failing(minutes(9), 'vault_to_kubernetes', 'vault_to_kubernetes_failed'),
      failing(minutes(6), 'reviewer', 'reviewer_expired'),
      healthy(minutes(20)),
    ],
    fires: [minutes(9), minutes(30)],
  },
  {
    name: 'the page holds and stays the same through all of this',
    phases: [
      healthy(minutes(9)),
      failing(minutes(6), 'reviewer', 'reviewer_expired'),
      away(minutes(10)),
      failing(minutes(5), 'vault_to_kubernetes', 'vault_to_kubernetes_failed', pod='2'),
      failing(minutes(6), 'vault_to_kubernetes', 'vault_to_kubernetes_failed', pod='3'),
      away(minutes(3)),
      failing(minutes(6), 'reviewer', 'reviewer_expired', pod='3'),
      healthy(minutes(20), pod='3'),
    ],
    fires: [minutes(9), minutes(45)],
  },
  {
    name: 'down for three minutes and up for 30 seconds, again and again, is one page that stays',
    phases: [healthy(minutes(9)), failing(minutes(6)), healthy(30)] + std.flattenArrays([[failing(minutes(3)), healthy(30)] for _ in std.range(1, 12)]) + [failing(minutes(3)), healthy(minutes(20))],
    fires: [minutes(9), minutes(9) + 390 + 12 * 210 + minutes(3)],
  },
  {
    name: 'a target that is probed every five minutes has one page too, which holds while the exporter restarts',
    interval: 5 * minute,
    phases: [healthy(minutes(30)), failing(minutes(30)), away(minutes(3)), failing(minutes(27), pod='2'), healthy(minutes(30), pod='2')],
    fires: [minutes(30), minutes(90)],
  },
  {
    name: 'one failed run of a target that is probed every five minutes pages nobody',
    interval: 5 * minute,
    phases: [failing(minutes(4)), healthy(minutes(26)), failing(5), healthy(minutes(30))],
  },
];

// runs returns what every run finds, by the exporter's schedule: on the interval, after a start at once, after a change of verdict
// again after ten seconds.
local runsOf(case) =
  local interval = std.get(case, 'interval', minute);
  local step(state, phase) =
    local end = state.time + phase.length;
    local restarted = phase.pod != null && phase.pod != state.pod;
    local changed = !restarted && phase.pod != null && phase.reason != state.reason;
    local times = if phase.pod == null then []
    else [state.time] + (if changed && phase.length > 10 then [state.time + 10] else [])
         + [t for t in [state.time + interval * i for i in std.range(1, std.floor(phase.length / interval))] if t < end];
    local before = if restarted || phase.pod == null then 0 else state.failures;
    local total = if restarted || phase.pod == null then {} else state.total;
    local failed = if phase.pod == null || phase.up == 1 then null else phase.component;
    // What the process shows after each of its runs.
    local runs = [
      {
        at: times[i],
        phase: phase,
        failures: if phase.up == 1 then 0 else before + i + 1,
        total: total { all: std.get(total, 'all', 0) + i + 1, [failed]: std.get(total, failed, 0) + i + 1 },
      }
      for i in std.range(0, std.length(times) - 1)
    ];
    local last = if std.length(runs) == 0 then { failures: 0, total: {} } else runs[std.length(runs) - 1];
    {
      time: end,
      pod: phase.pod,
      reason: std.get(phase, 'reason'),
      failures: last.failures,
      total: last.total,
      spans: state.spans + if phase.pod == null then [{ from: state.time, to: end, run: null }] else [
        { from: times[i], to: if i + 1 < std.length(runs) then times[i + 1] else end, run: runs[i] }
        for i in std.range(0, std.length(runs) - 1)
      ],
    };
  std.foldl(step, case.phases, { time: 0, pod: null, reason: null, failures: 0, total: {}, spans: [] });

// values writes what the scrapes see in promtool's notation, in which 5x2 is 5 5 5. spans are what there is from one run to the next,
// null without a process. A series that vanishes is marked as stale.
local values(spans, scrape, value) =
  local add(state, span) =
    local n = std.ceil(span.to / scrape) - std.ceil(span.from / scrape);
    local v = if span.run == null then null else value(span.run);
    local last = state[std.length(state) - 1];
    if n == 0 then state
    else if std.length(state) > 0 && last.value == v then state[0:std.length(state) - 1] + [{ value: v, n: last.n + n }]
    else state + [{ value: v, n: n }];
  local parts = std.foldl(add, spans, []);
  std.join(' ', [
    local p = parts[i];
    if p.value != null then p.value + 'x' + (p.n - 1)
    else if i == 0 then '_x' + p.n
    else 'stale' + if p.n > 1 then ' _x' + (p.n - 1) else ''
    for i in std.range(0, std.length(parts) - 1)
  ]);

local test(case, scrape) =
  local course = runsOf(case);
  local interval = std.get(case, 'interval', minute);
  local pods = std.set([p.pod for p in case.phases if p.pod != null]);
  local verdicts = std.set([p for p in case.phases if p.pod != null], function(p) p.reason);
  local series(name, pod, labels, value) = {
    series: 'vault_k8s_auth_%s{job="e", namespace="m", instance="%s", target="a"%s}' % [name, pod, labels],
    values: values(course.spans, scrape, function(run) if run.phase.pod != pod then null else value(run)),
  };
  local fires = std.get(case, 'fires');
  // From the fault to the page: the second run, a scrape, `for`, two evaluations.
  local begins = if fires == null then course.time else std.ceil((fires[0] + 10 + scrape + 60 + 60) / 30) * 30;
  local ends = if fires == null then course.time else fires[1] - 30;
  local pages = 'count(ALERTS{severity="critical", alertstate="firing"})';
  local at(t, expr, value=null) = { expr: expr, eval_time: '%ds' % t, exp_samples: if value == null then [] else [{ labels: '{}', value: value }] };
  {
    name: '%s (a scrape every %d s)' % [case.name, scrape],
    interval: '%ds' % scrape,
    input_series: std.flattenArrays([
      [
        series('target_info', pod, ', vault_addr="https://v", kubernetes_host="https://k", mount="k", role="r", reviewer="file"', function(run) 1),
        series('target_interval_seconds', pod, '', function(run) interval),
        series('up', pod, '', function(run) run.phase.up),
        series('consecutive_failed_runs', pod, '', function(run) run.failures),
        series('last_probe_timestamp_seconds', pod, '', function(run) run.at),
        series('probes_total', pod, '', function(run) run.total.all),
      ] + [
        series('verdict_info', pod, ', reason="%s", component="%s", certainty="proven"' % [v.reason, v.component], function(run) if run.phase.reason == v.reason then 1 else null)
        for v in verdicts
      ] + [
        series('probe_failures_total', pod, ', component="%s"' % v.component, function(run) std.get(run.total, v.component, 0))
        for v in verdicts
        if v.up == 0
      ]
      for pod in pods
    ]),
    promql_expr_test: if fires == null then [
      at(course.time, 'count_over_time(ALERTS{severity="critical", alertstate="firing"}[3h])'),
    ] else [
      // At every evaluation of the outage there is one page. Before it there is none, nor six minutes after the first scrape that
      // sees its end. It is always the same one.
      at(fires[0], 'count_over_time(ALERTS{severity="critical", alertstate="firing"}[3h])'),
      at(ends, 'count_over_time((%s == 1)[%ds:30s])' % [pages, ends - begins], (ends - begins) / 30),
      at(std.ceil(fires[1] / scrape) * scrape + 6 * minute, pages),
      at(course.time, pages),
      at(course.time, 'count(count_over_time(ALERTS{severity="critical", alertstate="firing"}[3h]))', 1),
    ],
  };

// Without an order promtool evaluates the groups in any.
local groups = 'group_eval_order: [' + std.join(', ', ['vault-k8s-auth-exporter.' + g for g in ['slo', 'outages', 'pods', 'soon', 'exporter']]) + ']\n';

// The file as people write it, with a series or an expectation on a line.
local quoted(text) = "'" + text + "'";
local line(t) = std.join('', [
  '  - name: ' + quoted(t.name) + '\n    interval: ' + t.interval + '\n    input_series:\n',
  std.join('', ['      - {series: ' + quoted(s.series) + ', values: ' + s.values + '}\n' for s in t.input_series]),
  '    promql_expr_test:\n',
  std.join('', [
    '      - {expr: ' + quoted(e.expr) + ', eval_time: ' + e.eval_time + ', exp_samples: ['
    + std.join(', ', ["{labels: '{}', value: " + s.value + '}' for s in e.exp_samples]) + ']}\n'
    for e in t.promql_expr_test
  ]),
]);

'rule_files: [rules.yaml]\nevaluation_interval: 30s\n' + groups + '\ntests:\n' + std.join('\n', [line(test(case, scrape)) for case in cases for scrape in [15, 30, 60, 180]])
