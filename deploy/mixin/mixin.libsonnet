(import 'config.libsonnet') +
(import 'rules.libsonnet') +
(import 'alerts.libsonnet') +
{
  grafanaDashboards+:: {
    'overview.json': (import 'dashboards/overview.libsonnet')($._config),
    'target.json': (import 'dashboards/target.libsonnet')($._config),
  },
}
