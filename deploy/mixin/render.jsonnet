// The files that are rendered from the mixin, by their paths in the repository: make mixin.
local mixin = import 'mixin.libsonnet';

// The rules as people write them: the name first, expressions as blocks. std.manifestYamlDoc would sort the keys and quote the lines.
local lines(indent, text) = std.join('\n', [indent + line for line in std.split(std.rstripChars(text, '\n'), '\n')]);
local strings(name, fields) = '        %s:\n' % name + std.join('', ['          %s: %s\n' % [f, std.escapeStringJson(fields[f])] for f in std.objectFields(fields)]);
local rule(r) =
  (if 'record' in r then '      - record: ' + r.record else '      - alert: ' + r.alert) + '\n        expr: |-\n' + lines('          ', r.expr) + '\n'
  + std.join('', ['        %s: %s\n' % [f, r[f]] for f in ['for', 'keep_firing_for'] if f in r])
  + std.join('', [strings(f, r[f]) for f in ['labels', 'annotations'] if f in r]);
local yaml(groups) = 'groups:\n' + std.join('\n', [
  '  - name: %s\n    rules:\n' % group.name + std.join('', [rule(r) for r in group.rules])
  for group in groups
]);

// json writes an empty list or object on one line, and 0.8 as 0.8, as other programs do. std.manifestJsonEx writes three lines, and
// 0.80000000000000004.
local short(value) =
  if std.isObject(value) then { [name]: short(value[name]) for name in std.objectFields(value) }
  else if std.isArray(value) then [short(v) for v in value]
  else if std.isNumber(value) && value != std.floor(value) then '§%g§' % value
  else value;
local json(value) = std.foldl(
  function(text, depth)
    local empty = '\n\n' + std.repeat('  ', depth);
    std.strReplace(std.strReplace(text, '[' + empty + ']', '[]'), '{' + empty + '}', '{}'),
  std.range(0, 14),
  std.strReplace(std.strReplace(std.manifestJsonEx(short(value), '  '), '"§', ''), '§"', '')
);

local files = {
  'deploy/prometheus/rules.yaml': |||
    # All recording rules and alerts for vault-k8s-auth-exporter, as plain Prometheus rules. Load this file as it is, or let the Helm
    # chart create a PrometheusRule from it (prometheusRule.enabled). Rendered from deploy/mixin, where the rules are explained: make mixin.
  ||| + yaml(mixin.prometheusRules.groups + mixin.prometheusAlerts.groups),
  'deploy/prometheus/tests.outages.yaml': |||
    # Run with promtool test rules tests.outages.yaml. Rendered from deploy/mixin/tests.jsonnet, where the cases are: make mixin.
  ||| + import 'tests.jsonnet',
} + {
  ['dashboards/' + name]: json(mixin.grafanaDashboards[name])
  for name in std.objectFields(mixin.grafanaDashboards)
};

// The jsonnet command ends each file with a newline.
{ [path]: std.rstripChars(files[path], '\n') for path in std.objectFields(files) }
