// What an installation may set. Import mixin.libsonnet and override fields of _config:
//
//   (import 'mixin.libsonnet') + { _config+:: { grafanaURL: 'https://grafana.example.com' } }
{
  _config+:: {
    // Matchers of every metric of the exporter, for example 'job="vault-k8s-auth-exporter"'. The exporter's metrics have a
    // prefix of their own, so none are needed.
    selector: '',
    // Matchers of `up` for the exporter's scrapes. They tell an exporter that was never scraped.
    upSelector: 'job=~".*vault-k8s-auth-exporter.*"',

    // The labels that differ between the processes of one installation. Rules aggregate without them and keep all others, so the
    // label of the cluster may have any name. A label of yours that differs between pods belongs here: with it, each pod would
    // have alerts of its own.
    processLabels: ['instance', 'pod', 'container', 'endpoint', 'service', 'node', 'replica', 'prometheus_replica'],
    // The label of the cluster, for the variable of the dashboards.
    clusterLabel: 'cluster',

    // The share of runs that may find that pods cannot log in. 0.005 is an objective of 99.5 %.
    errorBudget: 0.005,
    // The duration that runs should stay below, in seconds. The dashboards show how many did.
    latencyObjective: 1,

    // So many failed runs in a row page, if they are still the latest after loginFailingFor.
    failedRuns: 2,
    loginFailingFor: '1m',
    // For so long after the last failed run a failed run belongs to the same outage, and its page stays.
    outageHold: '4m',
    // For so long an exporter that is not scraped leaves everything as it was last seen.
    scrapeGap: '15m',
    // For so long, in seconds, an exporter that is gone is reported: 30 days.
    absentSeconds: 30 * 24 * 3600,

    // The command that runs the exporter in its cluster. {{ $labels.namespace }} is added if there is such a label.
    workload: 'deploy/vault-k8s-auth-exporter',

    docsURL: 'https://github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/blob/main/docs',
    runbookURLPattern: self.docsURL + '/runbooks/%s.md',
    // The status page has the reasons and warnings too, if its address is known.
    reasonsURL: if self.statusURL == '' then self.docsURL + '/reasons.md' else self.statusURL + '/docs/reasons.md',
    warningsURL: if self.statusURL == '' then self.docsURL + '/warnings.md' else self.statusURL + '/docs/warnings.md',
    // The address of Grafana, for the annotation dashboard_url; none if empty.
    grafanaURL: '',
    // The address of the exporter's status page, for the annotation status_url; none if empty.
    statusURL: '',
    dashboardUIDs: { overview: 'vault-k8s-auth-overview', target: 'vault-k8s-auth-target' },
  },
}
