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

{
  'deploy/prometheus/rules.yaml': |||
    # All recording rules and alerts for vault-k8s-auth-exporter, as plain Prometheus rules. Load this file as it is, or let the Helm
    # chart create a PrometheusRule from it (prometheusRule.enabled). Rendered from deploy/mixin, where the rules are explained: make mixin.
  ||| + yaml(mixin.prometheusRules.groups + mixin.prometheusAlerts.groups),
  'deploy/prometheus/tests.outages.yaml': |||
    # Run with promtool test rules tests.outages.yaml. Rendered from deploy/mixin/tests.jsonnet, where the cases are: make mixin.
  ||| + import 'tests.jsonnet',
}
