// The annotations of alerts, which are templates of Prometheus.
function(config) {
  // The full command that reports on a target.
  check:: 'kubectl{{ with $labels.namespace }} -n {{ . }}{{ end }} exec %s -- /exporter check --target {{ $labels.target }}' % config.workload,

  // The full command that reports on the workloads of a namespace.
  workloads:: 'kubectl{{ with $labels.namespace }} -n {{ . }}{{ end }} exec %s -- /exporter workloads --namespace {{ $labels.service_account_namespace }}' % config.workload,

  // verdict queries the current reason and its owner when an alert is evaluated: both may change during an outage, and may not
  // make another alert of it. While the exporter is not scraped, it is the latest that is known.
  verdict(name, notTheTargets)::
    '{{ $where := "" }}{{ range $name, $label := $labels }}{{ if not (match "^(__name__|alertname|alertgroup|severity|%s)$" $name) }}' % std.join('|', notTheTargets)
    + '{{ $where = printf "%s, %s=%q" $where $name $label }}{{ end }}{{ end }}'
    + '{{ $verdict := printf `%s{%sreason!="none"%%s}` $where }}' % [name, if config.selector == '' then '' else config.selector + ', ']
    + '{{ range query (printf "max by (reason, component, certainty) (%%s) or on () max by (reason, component, certainty) (last_over_time(%%s[%s]))" $verdict $verdict) }}' % config.scrapeGap
    + ' Reason {{ .Labels.reason }}{{ with .Labels.certainty }} ({{ . }}){{ end }}, owner {{ .Labels.component }}: %s#{{ .Labels.reason }}' % config.reasonsURL
    + '{{ else }} The reason is not known now.{{ end }}',

  links(subject):: {
    [if config.grafanaURL != '' then 'dashboard_url']: config.grafanaURL + {
      target: '/d/%s?var-target={{ $labels.target }}' % config.dashboardUIDs.target,
      job: '/d/%s?var-job={{ $labels.job }}' % config.dashboardUIDs.overview,
    }[subject],
    [if config.statusURL != '' then 'status_url']: config.statusURL + { target: '/targets/{{ $labels.target }}', job: '/' }[subject],
  },
}
