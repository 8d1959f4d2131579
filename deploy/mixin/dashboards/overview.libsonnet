function(config)
  local g = (import '../grafana.libsonnet')(config);

  local panels = [
    g.line(4, [
      g.count(4, 'Targets that are down', 'Targets whose pods cannot log in to Vault. Targets for which this is not known are not counted.', 'sum(1 - max by (%(target)s) (vault_k8s_auth_up{%(selector)s}))', 'red'),
      g.count(4, 'Targets not known', 'Configured targets for which it is not known whether pods can log in: not probed yet, no longer probed, or the cause of a failure is the canary or the exporter itself.', |||
        count(
          group by (%(target)s) (vault_k8s_auth_target_info{%(selector)s})
          unless group by (%(target)s) (vault_k8s_auth_up{%(selector)s})
        )
        or 0 * count(group by (%(target)s) (vault_k8s_auth_target_info{%(selector)s}))
      |||, 'orange'),
      g.count(4, 'Reviewer fails, logins work', 'Targets whose configured reviewer cannot create TokenReviews while logins still work: Vault uses another token, or logins will fail soon.', |||
        sum(
          (1 - max by (%(target)s) (vault_k8s_auth_reviewer_up{%(selector)s}))
          * max by (%(target)s) (vault_k8s_auth_up{%(selector)s})
        )
      |||, 'orange'),
      g.count(4, 'Warnings open', 'Active warnings of all targets: conditions that do not prevent logins today.', 'sum(max by (%(target)s, warning) (vault_k8s_auth_warning{%(selector)s}))', 'orange'),
      g.share(4, 'Runs that succeeded', 'Share of the runs in this time range that found that pods can log in. Runs that failed because of the canary or the exporter itself do not count.', [
        g.now(|||
          1 - sum(increase(vault_k8s_auth_probe_failures_total{%(selector)s, component!~"canary|exporter"}[$__range]))
            / (
              sum(increase(vault_k8s_auth_probes_total{%(selector)s}[$__range]))
              - sum(increase(vault_k8s_auth_probe_failures_total{%(selector)s, component=~"canary|exporter"}[$__range]))
              > 0
            )
        |||),
      ]),
      g.stat(4, 'Error budget left', 'Share of the failures allowed by the objective in this time range that is not used up. Set the time range to the window of your objective, for example 30 days.', [
        g.now(|||
          1 - sum(increase(vault_k8s_auth_probe_failures_total{%(selector)s, component!~"canary|exporter"}[$__range]))
            / (
              sum(increase(vault_k8s_auth_probes_total{%(selector)s}[$__range]))
              - sum(increase(vault_k8s_auth_probe_failures_total{%(selector)s, component=~"canary|exporter"}[$__range]))
              > 0
            )
            / (1 - $objective)
        |||),
      ], {
        unit: 'percentunit',
        thresholds: g.budgetSteps,
        mappings: [g.between(null, 0, 'red', 'used up')],
        decimals: 1,
      }),
    ]),
    g.line(8, [
      g.table(24, 'Broken now', 'One row for each target that is not healthy: the one cause, the component that owns it, and since when. With the component canary or exporter, whether pods can log in is not known.', [
        g.rows(|||
          max by (%(target)s, component, reason, certainty) (vault_k8s_auth_verdict_info{%(selector)s, reason!="none"})
            * on (%(target)s) group_left () (time() - max by (%(target)s) (vault_k8s_auth_verdict_since_timestamp_seconds{%(selector)s}))
        |||),
        g.rows(|||
          1000 * max by (%(target)s, component, reason, certainty) (vault_k8s_auth_verdict_info{%(selector)s, reason!="none"})
            * on (%(target)s) group_left () max by (%(target)s) (vault_k8s_auth_verdict_since_timestamp_seconds{%(selector)s})
        |||),
      ], {
        noValue: 'nothing is known to be broken',
        sortBy: { desc: true, displayName: 'For' },
        columns: [
          g.targetColumn,
          g.docsColumn('Reason'),
          ['For', { unit: 'dtdurations', decimals: 0 }],
          ['Since', { unit: 'dateTimeAsSystem' }],
          [
            'Certainty',
            { mappings: [{ options: { by_elimination: { index: 0, text: 'by elimination' } }, type: 'value' }] },
          ],
        ],
        transformations: g.arrange([['target', 'Target'], ['reason', 'Reason'], ['component', 'Owner'], ['Value #A', 'For'], ['Value #B', 'Since'], ['certainty', 'Certainty'], ['cluster', 'Cluster'], ['namespace', 'Namespace'], ['job', 'Job']], merge=true),
      }),
    ]),
    g.line(8, [
      g.states(24, 'Targets that were down', 'Targets whose pods could not log in at some time in this time range. In a gap it is not known.', [
        g.over(|||
          max by (%(target)s) (vault_k8s_auth_up{%(selector)s})
            and (min by (%(target)s) (min_over_time(vault_k8s_auth_up{%(selector)s}[$__range] @ end())) == 0)
        |||, '{{target}}'),
      ], { noValue: 'no target was down', mappings: g.words([[0, 'red', 'down'], [1, 'green', 'up']]) }),
    ]),
    g.heading('Before it breaks'),
    g.line(8, [
      g.table(8, 'Expires next', 'The thirty tokens and certificates with the fewest days left. Tokens with a validity of less than two days are omitted: they are renewed automatically, and if they are not, there is a warning.', [
        g.rows(|||
          bottomk(30, (
            min by (%(target)s, what) (
              label_replace(
                min by (%(target)s, token) (vault_k8s_auth_token_expiry_timestamp_seconds{%(selector)s, token!="vault"})
                unless
                  max by (%(target)s, token) (vault_k8s_auth_token_expiry_timestamp_seconds{%(selector)s, token!="vault"})
                  - max by (%(target)s, token) (vault_k8s_auth_token_issued_timestamp_seconds{%(selector)s})
                  < 2 * 86400,
                "what", "$1 token", "token", "(.+)")
              or
              label_replace(
                min by (%(target)s, server) (vault_k8s_auth_certificate_expiry_timestamp_seconds{%(selector)s}),
                "what", "$1 certificate", "server", "(.+)")
            )
            - time()
          ) / 86400)
        |||),
      ], {
        noValue: 'nothing is known to expire',
        sortBy: { desc: false, displayName: 'Days left' },
        columns: [
          g.targetColumn,
          [
            'Days left',
            {
              decimals: 1,
              'custom.cellOptions': { type: 'color-text' },
              mappings: [{ options: { from: null, result: { color: 'red', index: 0, text: 'expired' }, to: 0 }, type: 'range' }],
              thresholds: g.thresholds([[null, 'red'], [3, 'orange'], [14, 'green']]),
            },
          ],
        ],
        transformations: g.arrange([['target', 'Target'], ['what', 'What'], ['Value', 'Days left'], ['cluster', 'Cluster'], ['namespace', 'Namespace'], ['job', 'Job']]),
      }),
      g.table(8, 'Reviewers that fail, logins that work', 'Targets whose configured reviewer fails while pods can still log in: Vault uses another token, or logins will fail soon.', [
        g.rows(|||
          max by (%(target)s, component, reason) (vault_k8s_auth_reviewer_verdict_info{%(selector)s, reason!="none"})
            and on (%(target)s) (max by (%(target)s) (vault_k8s_auth_up{%(selector)s}) == 1)
        |||),
      ], {
        noValue: 'none is known',
        columns: [
          g.targetColumn,
          g.docsColumn('Reason'),
        ],
        transformations: g.arrange([['target', 'Target'], ['reason', 'Reason'], ['component', 'Owner'], ['cluster', 'Cluster'], ['namespace', 'Namespace'], ['job', 'Job']], hidden=['Value']),
      }),
      g.table(8, 'Warnings open now', 'Conditions that do not prevent logins today.', [
        g.rows('max by (%(target)s, warning) (vault_k8s_auth_warning{%(selector)s}) == 1'),
      ], {
        noValue: 'no known warning is open',
        columns: [
          g.targetColumn,
          g.docsColumn('Warning', 'warnings.md'),
        ],
        transformations: g.arrange([['target', 'Target'], ['warning', 'Warning'], ['cluster', 'Cluster'], ['namespace', 'Namespace'], ['job', 'Job']], hidden=['Value']),
      }),
    ]),
    g.heading('Workloads'),
    g.line(8, [
      g.table(16, 'Logins of workloads that will fail', 'One row for each login that Vault will reject when its pods restart, and the object that makes it. At most 200 of each exporter. Empty without EXPORTER_WORKLOADS.', [
        g.rows('max by (%(target)s, role, service_account_namespace, service_account, reason, source) (vault_k8s_auth_workload_login_broken_info{%(selector)s})'),
      ], {
        noValue: 'no login is known to be broken',
        columns: [
          g.targetColumn,
          g.docsColumn('Reason'),
        ],
        transformations: g.arrange([['target', 'Target'], ['service_account_namespace', 'Of namespace'], ['service_account', 'Service account'], ['role', 'Role'], ['reason', 'Reason'], ['source', 'Object'], ['cluster', 'Cluster'], ['namespace', 'Namespace'], ['job', 'Job']], hidden=['Value']),
      }),
      g.graph(8, 'Logins of workloads', 'How many logins are in each state, at all targets.', [
        g.over('sum by (state) (max by (%(target)s, state) (vault_k8s_auth_workload_logins{%(selector)s}))', '{{state}}'),
      ], { unit: 'none' }),
    ]),
    g.heading('Latency'),
    g.line(8, [
      g.graph(8, 'Duration of a run', 'From the start of a run to its end, all targets. A run sends its requests to the API server and Vault in parallel, with fresh connections and no retries.', [
        g.over('histogram_quantile(0.5, sum by (le) (rate(vault_k8s_auth_exporter_probe_duration_seconds_bucket{%(selector)s}[$__rate_interval])))', 'median'),
        g.over('histogram_quantile(0.9, sum by (le) (rate(vault_k8s_auth_exporter_probe_duration_seconds_bucket{%(selector)s}[$__rate_interval])))', '90th percentile'),
        g.over('histogram_quantile(0.99, sum by (le) (rate(vault_k8s_auth_exporter_probe_duration_seconds_bucket{%(selector)s}[$__rate_interval])))', '99th percentile'),
      ], { unit: 's' }),
      g.graph(8, 'Duration of each step', "90th percentile of all targets' latest runs. A skipped step has no line.", [
        g.over('quantile by (step) (0.9, max by (%(target)s, step) (vault_k8s_auth_step_duration_seconds{%(selector)s}))', '{{step}}'),
      ], { unit: 's' }),
      g.table(8, 'Slowest logins', 'The ten targets with the slowest latest login.', [
        g.rows('topk(10, max by (%(target)s) (vault_k8s_auth_step_duration_seconds{%(selector)s, step="login"}))'),
      ], {
        unit: 's',
        sortBy: { desc: true, displayName: 'Login' },
        columns: [
          g.targetColumn,
        ],
        transformations: g.arrange([['target', 'Target'], ['Value', 'Login'], ['cluster', 'Cluster'], ['namespace', 'Namespace'], ['job', 'Job']]),
      }),
    ]),
    g.line(8, [
      g.graph(12, 'Slowest runs', 'Duration of the latest run of the ten targets that are slowest now, and the latency objective.', [
        g.over('topk(10, max by (%(target)s) (vault_k8s_auth_last_probe_duration_seconds{%(selector)s}))', '{{target}}'),
        g.over('0 * max(vault_k8s_auth_last_probe_duration_seconds{%(selector)s}) + $latency', 'objective'),
      ], { unit: 's' }),
      g.table(12, 'Runs within the latency objective', 'Share of this time range in which the latest run of a target took no longer than the latency objective, the lowest 30.', [
        g.rows('bottomk(30, avg_over_time((max by (%(target)s) (vault_k8s_auth_last_probe_duration_seconds{%(selector)s}) <= bool $latency)[$__range:]))'),
      ], {
        unit: 'percentunit',
        sortBy: { desc: false, displayName: 'Within' },
        columns: [
          g.targetColumn,
          ['Within', { decimals: 2, 'custom.cellOptions': { type: 'color-text' }, thresholds: g.thresholds([[null, 'red'], [0.95, 'orange'], [0.99, 'green']]) }],
        ],
        transformations: g.arrange([['target', 'Target'], ['Value', 'Within'], ['cluster', 'Cluster'], ['namespace', 'Namespace'], ['job', 'Job']]),
      }),
    ]),
    g.heading('Service level'),
    g.line(8, [
      g.graph(8, 'Share of runs that succeed', 'Share of runs that found that pods can log in. Runs that failed because of the canary or the exporter itself do not count.', [
        g.over(|||
          1 - sum(rate(vault_k8s_auth_probe_failures_total{%(selector)s, component!~"canary|exporter"}[$__rate_interval]))
            / (
              sum(rate(vault_k8s_auth_probes_total{%(selector)s}[$__rate_interval]))
              - sum(rate(vault_k8s_auth_probe_failures_total{%(selector)s, component=~"canary|exporter"}[$__rate_interval]))
              > 0
            )
        |||, 'all targets'),
        g.over('$objective + 0 * max(vault_k8s_auth_exporter_build_info{%(selector)s})', 'objective'),
      ], { unit: 'percentunit', max: 1, min: null }),
      g.graph(8, 'Failed runs by reason', 'Runs per minute with a verdict other than healthy, all targets. Reasons without such runs have no line.', [
        g.over('60 * sum by (reason) (rate(vault_k8s_auth_exporter_verdicts_total{%(selector)s, reason!="none"}[$__rate_interval])) > 0', '{{reason}}'),
      ], { unit: 'cpm', noValue: 'no known failed runs' }),
      g.table(8, 'Least error budget left', 'The ten targets that used most of their error budget in this time range.', [
        g.rows(|||
          bottomk(10, 1 - sum by (%(target)s) (increase(vault_k8s_auth_probe_failures_total{%(selector)s, component!~"canary|exporter"}[$__range]))
            / (
              sum by (%(target)s) (increase(vault_k8s_auth_probes_total{%(selector)s}[$__range]))
              - sum by (%(target)s) (increase(vault_k8s_auth_probe_failures_total{%(selector)s, component=~"canary|exporter"}[$__range]))
              > 0
            )
            / (1 - $objective))
        |||),
      ], {
        unit: 'percentunit',
        sortBy: { desc: false, displayName: 'Budget left' },
        columns: [
          g.targetColumn,
          [
            'Budget left',
            {
              decimals: 1,
              'custom.cellOptions': { type: 'color-text' },
              mappings: [{ options: { from: null, result: { color: 'red', index: 0, text: 'used up' }, to: 0 }, type: 'range' }],
              thresholds: g.thresholds(g.budgetSteps),
            },
          ],
        ],
        transformations: g.arrange([['target', 'Target'], ['Value', 'Budget left'], ['cluster', 'Cluster'], ['namespace', 'Namespace'], ['job', 'Job']]),
      }),
    ]),
    g.heading('Vault tokens of the canaries'),
    g.line(8, [
      g.graph(16, 'Tokens issued and revoked', 'Vault tokens per minute that logins returned, and whether they were revoked. Batch tokens cannot be revoked.', [
        g.over('60 * sum by (type) (rate(vault_k8s_auth_tokens_issued_total{%(selector)s}[$__rate_interval]))', 'issued, {{type}}'),
        g.over('60 * sum(rate(vault_k8s_auth_tokens_revoked_total{%(selector)s}[$__rate_interval]))', 'revoked'),
        g.over('60 * sum(rate(vault_k8s_auth_token_revoke_failures_total{%(selector)s}[$__rate_interval]))', 'could not be revoked'),
        g.over('60 * sum(rate(vault_k8s_auth_tokens_unaccounted_total{%(selector)s}[$__rate_interval]))', 'unaccounted'),
      ], { unit: 'cpm' }),
      g.stat(8, 'Tokens not revoked', 'Vault tokens in this time range that could not be revoked, or whose login got no response. They live until their TTL ends.', [
        g.now('sum(increase(vault_k8s_auth_token_revoke_failures_total{%(selector)s}[$__range])) + sum(increase(vault_k8s_auth_tokens_unaccounted_total{%(selector)s}[$__range]))'),
      ], {
        thresholds: [[null, 'green'], [1, 'orange']],
        mappings: g.words([[0, 'green', 'none']]),
        decimals: 0,
      }),
    ]),
    g.heading('The exporter itself'),
    g.line(4, [
      g.stat(4, 'Leaders', 'Processes that hold the Lease. Absent without leader election.', [
        g.now('sum by (%(exporter)s, lease) (vault_k8s_auth_exporter_leader{%(selector)s})', '{{lease}}'),
      ], {
        noValue: 'no leader election',
        mappings: [
          {
            options: { '0': { color: 'red', index: 0, text: 'no leader' }, '1': { color: 'green', index: 1, text: 'one leader' } },
            type: 'value',
          },
          { options: { from: 2, result: { color: 'red', index: 2, text: 'more than one' }, to: null }, type: 'range' },
        ],
      }),
      g.stat(4, 'Targets with a process', 'Share of the configured targets that are assigned to a process. If it is less than all, a shard or the leader is missing. If it is more, two processes probe the same target, as in a rolling update.', [
        g.now(|||
          sum by (%(exporter)s) (vault_k8s_auth_exporter_targets{%(selector)s, state="assigned"})
            / max by (%(exporter)s) (vault_k8s_auth_exporter_targets{%(selector)s, state="configured"})
        |||, '{{job}}'),
      ], {
        unit: 'percentunit',
        thresholds: [[null, 'red'], [1, 'green'], [1.001, 'orange']],
        mappings: g.words([[1, 'green', 'all'], [0, 'red', 'none']]),
        decimals: 0,
      }),
      g.count(4, 'Targets no longer probed', 'Targets whose latest run began more than three intervals ago.', |||
        count(
          time() - max by (%(target)s) (vault_k8s_auth_last_probe_timestamp_seconds{%(selector)s})
          > 3 * max by (%(target)s) (vault_k8s_auth_target_interval_seconds{%(selector)s})
        )
        or 0 * count(max by (%(target)s) (vault_k8s_auth_last_probe_timestamp_seconds{%(selector)s}))
      |||, 'red'),
      g.stat(4, 'Configuration', 'Whether every process uses the configuration that it read last.', [
        g.now('min by (%(exporter)s) (vault_k8s_auth_exporter_config_last_reload_successful{%(selector)s})', '{{job}}'),
      ], { mappings: g.words([[0, 'red', 'rejected, an older one is in use'], [1, 'green', 'in use']]) }),
      g.stat(4, 'Processes agree', 'Whether all processes have the same configuration. They differ briefly while a new one is rolled out.', [
        g.now(|||
          max by (%(exporter)s) (vault_k8s_auth_exporter_config_hash{%(selector)s}) 
            == bool min by (%(exporter)s) (vault_k8s_auth_exporter_config_hash{%(selector)s})
        |||, '{{job}}'),
      ], { mappings: g.words([[0, 'red', 'they differ'], [1, 'green', 'they agree']]) }),
      g.stat(4, 'Runs in flight', 'Runs in progress.', [
        g.now('sum(vault_k8s_auth_exporter_probes_in_flight{%(selector)s})'),
      ], { thresholds: [[null, 'green']] }),
    ]),
    g.line(8, [
      g.table(12, 'Processes', 'Every process that is scraped. A standby has no targets; a process without leader election has no Lease.', [
        g.rows('max by (%(exporter)s, instance, version) (vault_k8s_auth_exporter_build_info{%(selector)s})'),
        g.rows('max by (%(exporter)s, instance, lease) (vault_k8s_auth_exporter_leader{%(selector)s})'),
        g.rows('max by (%(exporter)s, instance) (vault_k8s_auth_exporter_targets{%(selector)s, state="assigned"})'),
        g.rows('max by (%(exporter)s, instance, shard, total) (vault_k8s_auth_exporter_shard_info{%(selector)s})'),
        g.rows('max by (%(exporter)s, instance) (vault_k8s_auth_exporter_config_last_reload_successful{%(selector)s})'),
        g.rows('1000 * max by (%(exporter)s, instance) (vault_k8s_auth_exporter_config_last_reload_success_timestamp_seconds{%(selector)s})'),
      ], {
        sortBy: { desc: false, displayName: 'Instance' },
        columns: [
          [
            'Lease',
            {
              'custom.cellOptions': { type: 'color-text' },
              mappings: [
                {
                  options: { '0': { color: 'text', index: 0, text: 'standby' }, '1': { color: 'green', index: 1, text: 'leader' } },
                  type: 'value',
                },
              ],
            },
          ],
          [
            'Configuration',
            {
              'custom.cellOptions': { type: 'color-text' },
              mappings: [
                {
                  options: { '0': { color: 'red', index: 0, text: 'rejected' }, '1': { color: 'green', index: 1, text: 'in use' } },
                  type: 'value',
                },
              ],
            },
          ],
          ['Read', { unit: 'dateTimeAsSystem' }],
        ],
        transformations: g.arrange([['instance', 'Instance'], ['version', 'Version'], ['Value #B', 'Lease'], ['Value #C', 'Targets'], ['shard', 'Shard'], ['total', 'Of'], ['Value #E', 'Configuration'], ['Value #F', 'Read'], ['job', 'Job'], ['namespace', 'Namespace'], ['cluster', 'Cluster']], hidden=['Value #A', 'Value #D', 'lease'], merge=true),
      }),
      g.graph(12, 'Skipped ticks and failed renewals', "Per minute: scheduled runs that were skipped because the target's previous run was still in progress, and failed attempts to acquire or renew the Lease.", [
        g.over('60 * sum(rate(vault_k8s_auth_exporter_probes_skipped_total{%(selector)s}[$__rate_interval]))', 'skipped ticks'),
        g.over('60 * sum by (lease) (rate(vault_k8s_auth_exporter_lease_renew_failures_total{%(selector)s}[$__rate_interval]))', 'failed renewals, {{lease}}'),
      ], { unit: 'cpm' }),
    ]),
  ];

  g.dashboard(
    config.dashboardUIDs.overview,
    'Vault Kubernetes auth / Overview',
    'Shows where pods cannot log in to Vault with the Kubernetes auth method, since when, which component owns the cause, and what will break next.',
    [
      g.link('Target', 'One target in detail', '/d/vault-k8s-auth-target', icon='dashboard', carry=true),
      g.link('Reasons', 'Every reason: how it is seen, how to fix it', '${docs}/reasons.md'),
      g.link('Warnings', 'Every warning: how it is seen, how to fix it', '${docs}/warnings.md'),
      g.link('Metrics', 'What each metric means, and when it is absent', '${docs}/metrics.md'),
    ],
    [],
    panels,
    changesOf=', reason!="none"',
  )
