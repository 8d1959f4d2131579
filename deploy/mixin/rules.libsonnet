{
  local config = $._config,
  local q = (import 'query.libsonnet')(config),
  local outage = { labels: std.join(', ', q.outageLabels), object: std.join(', ', q.objectLabels), name: q.outage, failedRuns: q.lastFailedRuns, hold: config.outageHold },

  prometheusRules+:: {
    groups+: [
      {
        name: 'vault-k8s-auth-exporter.slo',
        rules: [
          {
            // Also while the exporter is not scraped.
            record: q.interval,
            expr: q.max('last_over_time(%s[%s])' % [q.metric('target_interval_seconds'), config.scrapeGap]),
          },
          {
            // Also while the exporter is not scraped: a maintenance may restart it. Absent if none is planned for the target.
            record: q.planned,
            expr: '%s\nor\n%s' % [q.max(q.metric('target_maintenance')), q.max('last_over_time(%s[%s])' % [q.metric('target_maintenance'), config.scrapeGap])],
          },
        ] + [
          {
            record: q.failureRatio(window),
            expr: '%s\n/ %s' % [q.failures('rate', window), q.runs('rate', window)],
          }
          for window in ['15m', '30m', '1h', '6h', '1d']
        ],
      },
      {
        name: 'vault-k8s-auth-exporter.outages',
        rules: [
          {
            // If several processes probe a target, a success of any counts.
            record: q.failedRuns,
            expr: q.min(q.metric('consecutive_failed_runs')),
          },
          {
            // When an outage began. It begins with two failed runs in a row and ends with the first that succeeds; while the
            // exporter is not scraped it goes on. Its labels are those of its beginning: a component or a setting that changes
            // meanwhile must not make another alert of it. An outage that comes back within outageHold is the same one.
            record: q.outage,
            expr: |||
              (
                bottomk without (%(labels)s) (1, last_over_time(%(name)s[%(hold)s]))
                and ignoring (%(labels)s) %(failedRuns)s > 0
              )
              or ignoring (%(labels)s)
              (
                time()
                * topk without (component) (1,
                  %(component)s
                  and ignoring (component) %(failedRuns)s >= %(enough)d
                )
                * ignoring (%(labels)s) group_left (%(object)s)
                topk without (%(object)s) (1, %(configured)s)
              )
            ||| % outage {
              enough: config.failedRuns,
              component: q.max(q.metric('verdict_info', 'component!~"none|canary|exporter"'), ['reason', 'certainty']),
              configured: q.max(q.metric('target_info'), ['reviewer']),
            },
          },
          {
            // When an exporter was last scraped. The value is carried on for absentSeconds.
            record: 'vault_k8s_auth:exporter_last_scrape:timestamp_seconds',
            expr: |||
              time() * %s
              or
              last_over_time(vault_k8s_auth:exporter_last_scrape:timestamp_seconds[1d]) > time() - %d
            ||| % [q.group(q.metric('exporter_build_info'), q.buildLabels), config.absentSeconds],
          },
        ],
      },
    ],
  },
}
