// Panels as Grafana's model has them, with what all panels of these dashboards have in common. A panel is given its width, title,
// description, its queries, and options: what differs from the defaults below.
function(config) {
  local datasource = { type: 'prometheus', uid: '${datasource}' },
  local g = self,

  // Queries use %(selector)s for the matchers of the variables, and %(target)s and %(exporter)s for the labels of a target and of an exporter.
  local fill(expr, selector) = std.rstripChars(expr, '\n') % {
    selector: selector,
    target: '%s, namespace, job, target' % config.clusterLabel,
    exporter: '%s, namespace, job' % config.clusterLabel,
  },
  selector:: std.join(', ', [m for m in [config.selector, '%s=~"$cluster"' % config.clusterLabel, 'job=~"$job"', 'instance=~"$instance"'] if m != '']),

  // now queries the current value, over the time range.
  now(expr, legend=null):: { expr: expr, instant: true, range: false, [if legend != null then 'legendFormat']: legend },
  over(expr, legend=null):: { expr: expr, instant: false, range: true, [if legend != null then 'legendFormat']: legend },
  // rows queries the rows of a table.
  rows(expr):: self.now(expr) { format: 'table' },

  // thresholds are pairs of a value, null at the beginning, and the colour from there on.
  thresholds(steps):: { mode: 'absolute', steps: [{ value: s[0], color: s[1] } for s in steps] },
  // words are triples of a value, a colour and a text; between maps a range of values.
  words(list):: [{ type: 'value', options: { [std.toString(list[i][0])]: { index: i, color: list[i][1], text: list[i][2] } for i in std.range(0, std.length(list) - 1) } }],
  between(from, to, color, text):: { type: 'range', options: { from: from, to: to, result: { index: 0, color: color, text: text } } },

  local panel(type, w, title, description, queries, options, defaults) = local o = defaults + options; {
    w:: w,
    queries:: queries,
    type: type,
    title: title,
    description: description,
    datasource: datasource,
    fieldConfig: {
      defaults: {
        mappings: o.mappings,
        noValue: o.noValue,
        thresholds: g.thresholds(o.thresholds),
        unit: o.unit,
        color: { mode: o.color },
        [if 'custom' in o then 'custom']: o.custom,
        [if 'decimals' in o then 'decimals']: o.decimals,
        [if std.get(o, 'min') != null then 'min']: o.min,
        [if 'max' in o then 'max']: o.max,
      },
      overrides: [
        { matcher: { id: 'byName', options: c[0] }, properties: [{ id: id, value: c[1][id] } for id in std.objectFields(c[1])] }
        for c in std.get(o, 'columns', [])
      ],
    },
    options: o.options,
    [if 'transformations' in o then 'transformations']: o.transformations,
  },
  local common = { mappings: [], noValue: 'not known', thresholds: [[null, 'text']], unit: 'none', color: 'palette-classic' },

  stat(w, title, description, queries, options={}):: panel('stat', w, title, description, queries, options, common {
    color: 'thresholds',
    options: {
      colorMode: 'value',
      graphMode: 'none',
      justifyMode: 'auto',
      orientation: 'auto',
      percentChangeColorMode: 'standard',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      showPercentChange: false,
      textMode: std.get(options, 'textMode', 'auto'),
      wideLayout: true,
    },
  }),

  // What is left of an error budget: nothing, less than a quarter, more.
  budgetSteps:: [[null, 'red'], [0, 'orange'], [0.25, 'green']],

  // A share of runs: green if it meets the objective, red if it misses it by ten times the error budget.
  share(w, title, description, queries, options={}):: self.stat(w, title, description, queries, {
    unit: 'percentunit',
    decimals: 3,
    thresholds: [[null, 'red'], [1 - 10 * config.errorBudget, 'orange'], [1 - config.errorBudget, 'green']],
  } + options),

  // A number of things that should not be there.
  count(w, title, description, expr, color):: self.stat(w, title, description, [self.now(expr)], {
    mappings: g.words([[0, 'green', 'none']]),
    thresholds: [[null, 'green'], [1, color]],
  }),

  table(w, title, description, queries, options={}):: panel('table', w, title, description, queries, options, common {
    color: 'thresholds',
    custom: { align: 'auto', cellOptions: { type: 'auto' }, filterable: true },
    options: { cellHeight: 'sm', showHeader: true, [if 'sortBy' in options then 'sortBy']: [options.sortBy] },
  }),

  // Columns of a table, which are pairs of a title and properties, with links.
  local column(name, title, url, more={}) = [name, { links: [{ title: title, url: url } + more] }],
  targetColumn:: column('Target', 'Open this target', '/d/%s?${datasource:queryparam}&${cluster:queryparam}&${job:queryparam}&${instance:queryparam}&var-target=${__value.text:percentencode}&${__url_time_range}' % config.dashboardUIDs.target),
  docsColumn(name, page='reasons.md'):: column(name, 'What it means and how to fix it', '${docs}/' + page + '#${__value.text:percentencode}', { targetBlank: true }),

  // arrange shows these fields of a table, pairs of a field and its title, from left to right.
  arrange(columns, hidden=[], merge=false):: (if merge then [{ id: 'merge', options: {} }] else []) + [{
    id: 'organize',
    options: {
      excludeByName: { [name]: true for name in ['Time'] + hidden },
      indexByName: { [columns[i][0]]: i for i in std.range(0, std.length(columns) - 1) },
      renameByName: { [c[0]]: c[1] for c in columns },
    },
  }],

  graph(w, title, description, queries, options={}):: panel('timeseries', w, title, description, queries, options, common {
    custom: { drawStyle: 'line', fillOpacity: 0, lineInterpolation: 'linear', lineWidth: 1, showPoints: 'auto', spanNulls: false }
            + std.get(options, 'draw', {}),
    min: 0,
    options: {
      legend: { calcs: ['lastNotNull', 'max'], displayMode: 'table', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  }),

  states(w, title, description, queries, options={}):: panel('state-timeline', w, title, description, queries, options, common {
    custom: { fillOpacity: 70, lineWidth: 0 },
    options: {
      alignValue: 'left',
      legend: { calcs: [], displayMode: 'list', placement: 'bottom', showLegend: true },
      mergeValues: true,
      rowHeight: 0.8,
      showValue: 'auto',
      tooltip: { mode: 'single', sort: 'none' },
    },
  }),

  // A dashboard is a list of lines: a heading, or panels of one height from left to right.
  line(h, panels):: { h: h, panels: panels },
  heading(title):: { h: 1, panels: [{ type: 'row', title: title, collapsed: false, panels: [], w:: 24, queries:: [] }] },

  local place(lines, selector) =
    local add(state, line) =
      local xs = std.foldl(function(xs, p) xs + [xs[std.length(xs) - 1] + p.w], line.panels, [0]);
      {
        y: state.y + line.h,
        panels: state.panels + [
          local p = line.panels[i];
          p {
            id: std.length(state.panels) + i + 1,
            gridPos: { x: xs[i], y: state.y, w: p.w, h: line.h },
            [if p.type != 'row' then 'targets']: [
              p.queries[q] {
                datasource: datasource,
                editorMode: 'code',
                refId: std.char(65 + q),
                expr: fill(super.expr, selector),
              }
              for q in std.range(0, std.length(p.queries) - 1)
            ],
          }
          for i in std.range(0, std.length(line.panels) - 1)
        ],
      };
    std.foldl(add, lines, { y: 0, panels: [] }).panels,

  link(title, tooltip, url, icon='doc', carry=false):: {
    type: 'link',
    title: title,
    tooltip: tooltip,
    url: url,
    icon: icon,
    includeVars: carry,
    keepTime: carry,
    targetBlank: !carry,
    asDropdown: false,
    tags: [],
  },

  local variable(name, label, type, query, more={}) = { name: name, label: label, type: type, query: query, hide: 0 } + more,
  // A variable with the values of a label.
  values(name, label, query, more={}):: variable(name, label, 'query', {
    qryType: 1,
    query: query,
    refId: 'PrometheusVariableQueryEditor-VariableQuery',
  }, { current: {}, datasource: datasource, includeAll: false, multi: false, options: [], refresh: 2, regex: '', sort: 1 } + more),
  local all(matches) = { allValue: matches, includeAll: true, multi: true, current: { text: ['All'], value: ['$__all'] } },
  // A variable with one of these values; the first is the default's place.
  choice(name, label, description, values, default):: variable(name, label, 'custom', std.join(',', values), {
    description: description,
    includeAll: false,
    multi: false,
    options: [{ selected: v == default, text: v, value: v } for v in values],
    current: { selected: true, text: default, value: default },
  }),

  // The changes of verdict that match, each at the time of the run that saw it.
  local changes(selector, matchers) = {
    datasource: datasource,
    enable: true,
    expr: fill(|||
      1000 * max by (%%(target)s, reason, component) (vault_k8s_auth_verdict_info{%%(selector)s%s})
        * on (%%(target)s) group_left () max by (%%(target)s) (vault_k8s_auth_verdict_since_timestamp_seconds{%%(selector)s})
    ||| % matchers, selector),
    hide: false,
    iconColor: 'purple',
    name: 'Changes of verdict',
    step: '1m',
    tagKeys: 'target,component',
    textFormat: '{{target}}: {{reason}} ({{component}})',
    titleFormat: 'Change of verdict',
    useValueForTime: true,
  },

  dashboard(uid, title, description, links, variables, lines, selector=g.selector, changesOf=''):: {
    uid: uid,
    title: title,
    description: description,
    annotations: { list: [changes(selector, changesOf)] },
    editable: false,
    fiscalYearStartMonth: 0,
    graphTooltip: 1,
    links: links,
    liveNow: false,
    panels: place(lines, selector),
    preload: false,
    refresh: '1m',
    schemaVersion: 41,
    tags: ['vault', 'kubernetes', 'vault-k8s-auth-exporter'],
    templating: {
      list: [
        variable('datasource', 'Data source', 'datasource', 'prometheus', { current: {}, includeAll: false, multi: false, options: [], refresh: 1, regex: '' }),
        g.values('cluster', 'Cluster', 'label_values(vault_k8s_auth_exporter_build_info, %s)' % config.clusterLabel, all('.*')),
        g.values('job', 'Job', 'label_values(vault_k8s_auth_exporter_build_info{%s=~"$cluster"}, job)' % config.clusterLabel, all('.+')),
        g.values('instance', 'Instance', 'label_values(vault_k8s_auth_exporter_build_info{%s=~"$cluster", job=~"$job"}, instance)' % config.clusterLabel, all('.+')),
      ] + variables + [
        g.choice('objective', 'Objective', 'Share of runs that must find that pods can log in', ['0.99', '0.995', '0.999', '0.9995'], '%g' % (1 - config.errorBudget)),
        g.choice('latency', 'Latency objective', 'Duration in seconds that a run should stay below', ['0.1', '0.25', '0.5', '1', '2', '5'], '%g' % config.latencyObjective),
        variable('docs', 'Documentation', 'constant', config.docsURL, { hide: 2, skipUrlSync: true }),
      ],
    },
    time: { from: 'now-6h', to: 'now' },
    timepicker: {},
    timezone: 'browser',
    version: 1,
    weekStart: '',
  },
}
