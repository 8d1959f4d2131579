function(config)
  local g = (import '../grafana.libsonnet')(config);

  local panels = [
    g.line(4, [
      g.stat(4, 'Logins', 'Whether pods can log in. Not known before the first run, and if the cause of a failure is the canary or the exporter itself.', [
        g.now('max by (%(target)s) (vault_k8s_auth_up{%(selector)s})', '{{target}}'),
      ], {
        mappings: g.words([[0, 'red', 'pods cannot log in'], [1, 'green', 'pods can log in']]),
        textMode: 'value',
      }),
      g.stat(8, 'Verdict', 'The one cause, the component that owns it, and whether it is proven or found by elimination.', [
        g.now('0 * max by (%(target)s) (vault_k8s_auth_verdict_info{%(selector)s, reason="none"})', 'healthy'),
        g.now('max by (%(target)s, component, reason, certainty) (vault_k8s_auth_verdict_info{%(selector)s, reason!="none"})', '{{reason}} ({{component}}, {{certainty}})'),
      ], { thresholds: [[null, 'green'], [1, 'red']], textMode: 'name' }),
      g.stat(4, 'Since', 'When the current reason began.', [
        g.now('1000 * max by (%(target)s) (vault_k8s_auth_verdict_since_timestamp_seconds{%(selector)s})'),
      ], { unit: 'dateTimeFromNow', textMode: 'value' }),
      g.stat(4, 'Reviewer', 'Whether the configured reviewer created a TokenReview in the latest run. Not known if this was not checked or the API server could not be reached.', [
        g.now('max by (%(target)s) (vault_k8s_auth_reviewer_up{%(selector)s})'),
      ], { mappings: g.words([[0, 'red', 'cannot review'], [1, 'green', 'can review']]), textMode: 'value' }),
      g.stat(4, 'Canary', 'Whether the canary logged in in the latest run. Not known if no login was attempted.', [
        g.now('max by (%(target)s) (vault_k8s_auth_canary_login_up{%(selector)s})'),
      ], { mappings: g.words([[0, 'red', 'did not log in'], [1, 'green', 'logged in']]), textMode: 'value' }),
    ]),
    g.line(7, [
      g.states(24, 'Verdict by reason', 'One row for every reason in this time range, marked while it was the verdict. Where no row is marked, the exporter was not scraped.', [
        g.over('max by (%(target)s) (vault_k8s_auth_verdict_info{%(selector)s, reason="none"})', 'healthy'),
        g.over('2 * max by (%(target)s, component, reason) (vault_k8s_auth_verdict_info{%(selector)s, reason!="none"})', '{{reason}} ({{component}})'),
        g.over('3 * (group by (%(target)s) (vault_k8s_auth_target_info{%(selector)s}) unless group by (%(target)s) (vault_k8s_auth_verdict_info{%(selector)s}))', 'not known'),
      ], { mappings: g.words([[1, 'green', 'healthy'], [2, 'red', 'broken'], [3, 'purple', 'not known']]) }),
    ]),
    g.line(9, [
      g.table(8, 'Steps of the latest run', 'The steps that ran, and their duration. Skipped steps are not listed.', [
        g.rows('max by (%(target)s, step) (vault_k8s_auth_step_success{%(selector)s})'),
        g.rows('max by (%(target)s, step) (vault_k8s_auth_step_duration_seconds{%(selector)s})'),
      ], {
        sortBy: { desc: false, displayName: 'Step' },
        columns: [
          [
            'Outcome',
            {
              'custom.cellOptions': { type: 'color-text' },
              mappings: [
                {
                  options: { '0': { color: 'red', index: 0, text: 'failed' }, '1': { color: 'green', index: 1, text: 'ok' } },
                  type: 'value',
                },
              ],
            },
          ],
          ['Duration', { unit: 's' }],
        ],
        transformations: g.arrange([['step', 'Step'], ['Value #A', 'Outcome'], ['Value #B', 'Duration']], hidden=['cluster', 'job', 'namespace', 'target'], merge=true),
      }),
      g.states(16, 'Steps over time', 'In a gap the step was skipped.', [
        g.over('max by (%(target)s, step) (vault_k8s_auth_step_success{%(selector)s})', '{{step}}'),
      ], { mappings: g.words([[0, 'red', 'failed'], [1, 'green', 'ok']]) }),
    ]),
    g.heading('What failed'),
    g.line(6, [
      g.table(8, 'Latest failure', 'The latest verdict other than healthy, kept after recovery until the exporter restarts.', [
        g.rows(|||
          1000 * max by (%(target)s, component, reason) (vault_k8s_auth_last_failure_info{%(selector)s})
            * on (%(target)s) group_left () max by (%(target)s) (vault_k8s_auth_last_failure_timestamp_seconds{%(selector)s})
        |||),
      ], {
        noValue: 'no known failure',
        columns: [
          g.docsColumn('Reason'),
          ['When', { unit: 'dateTimeAsSystem' }],
        ],
        transformations: g.arrange([['reason', 'Reason'], ['component', 'Owner'], ['Value', 'When']], hidden=['cluster', 'job', 'namespace', 'target']),
      }),
      g.table(8, 'Verdicts in this time range', 'Share of time that each verdict held, without the time that has no verdict.', [
        g.rows(|||
          sum by (%(target)s, component, reason) (count_over_time(vault_k8s_auth_verdict_info{%(selector)s}[$__range]))
            / on (%(target)s) group_left () sum by (%(target)s) (count_over_time(vault_k8s_auth_verdict_info{%(selector)s}[$__range]))
        |||),
      ], {
        unit: 'percentunit',
        sortBy: { desc: true, displayName: 'Share of time' },
        columns: [
          [
            'Reason',
            { mappings: [{ options: { none: { color: 'green', index: 0, text: 'healthy' } }, type: 'value' }] },
          ],
        ],
        transformations: g.arrange([['reason', 'Reason'], ['component', 'Owner'], ['Value', 'Share of time']], hidden=['cluster', 'job', 'namespace', 'target']),
      }),
      g.stat(4, 'Latest run', 'Time since the latest completed run began, and since the latest healthy one began.', [
        g.now('time() - max by (%(target)s) (vault_k8s_auth_last_probe_timestamp_seconds{%(selector)s})', 'latest run'),
        g.now('time() - max by (%(target)s) (vault_k8s_auth_last_success_timestamp_seconds{%(selector)s})', 'latest healthy run'),
      ], { unit: 'dtdurations', decimals: 0, textMode: 'value_and_name' }),
      g.share(4, 'Service level', 'Share of the runs in this time range that found that pods can log in, and the error budget that is left. Runs that failed because of the canary or the exporter itself do not count.', [
        g.now(|||
          1 - sum by (%(target)s) (increase(vault_k8s_auth_probe_failures_total{%(selector)s, component!~"canary|exporter"}[$__range]))
            / (
              sum by (%(target)s) (increase(vault_k8s_auth_probes_total{%(selector)s}[$__range]))
              - sum by (%(target)s) (increase(vault_k8s_auth_probe_failures_total{%(selector)s, component=~"canary|exporter"}[$__range]))
              > 0
            )
        |||, 'runs that succeeded'),
        g.now(|||
          1 - sum by (%(target)s) (increase(vault_k8s_auth_probe_failures_total{%(selector)s, component!~"canary|exporter"}[$__range]))
            / (
              sum by (%(target)s) (increase(vault_k8s_auth_probes_total{%(selector)s}[$__range]))
              - sum by (%(target)s) (increase(vault_k8s_auth_probe_failures_total{%(selector)s, component=~"canary|exporter"}[$__range]))
              > 0
            )
            / (1 - $objective)
        |||, 'error budget left'),
      ], {
        decimals: 2,
        textMode: 'value_and_name',
        columns: [['error budget left', { thresholds: g.thresholds(g.budgetSteps), mappings: [g.between(null, 0, 'red', 'used up')] }]],
      }),
    ]),
    g.line(7, [
      g.states(12, 'Reviewer by itself', 'The verdict on the configured reviewer, also while logins work.', [
        g.over('max by (%(target)s) (vault_k8s_auth_reviewer_verdict_info{%(selector)s, reason="none"})', 'healthy'),
        g.over('2 * max by (%(target)s, component, reason) (vault_k8s_auth_reviewer_verdict_info{%(selector)s, reason!="none"})', '{{reason}} ({{component}})'),
        g.over('3 * (group by (%(target)s) (vault_k8s_auth_target_info{%(selector)s}) unless group by (%(target)s) (vault_k8s_auth_reviewer_verdict_info{%(selector)s}))', 'not known'),
      ], { mappings: g.words([[1, 'green', 'healthy'], [2, 'red', 'broken'], [3, 'purple', 'not known']]) }),
      g.states(12, 'Warnings', 'Warnings that were open at some time in this time range. In a gap the condition could not be checked.', [
        g.over(|||
          max by (%(target)s, warning) (vault_k8s_auth_warning{%(selector)s})
            and (max by (%(target)s, warning) (max_over_time(vault_k8s_auth_warning{%(selector)s}[$__range] @ end())) == 1)
        |||, '{{warning}}'),
      ], {
        noValue: 'no warning was open',
        mappings: g.words([[0, 'green', 'closed'], [1, 'orange', 'open']]),
      }),
    ]),
    g.heading('Tokens and certificates'),
    g.line(8, [
      g.table(8, 'Days left', "Days until the reviewer's or the canary's token, or the first certificate of a verified chain, expires. Tokens that never expire or have a validity of less than two days are not listed.", [
        g.rows(|||
          (
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
          ) / 86400
        |||),
      ], {
        noValue: 'nothing is known to expire',
        sortBy: { desc: false, displayName: 'Days left' },
        columns: [
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
        transformations: g.arrange([['what', 'What'], ['Value', 'Days left']], hidden=['cluster', 'job', 'namespace', 'target']),
      }),
      g.graph(16, 'Validity left', 'Share of the validity period that a token or certificate has left. If a line falls to zero, nothing renews it.', [
        g.over(|||
          (max by (%(target)s, token) (vault_k8s_auth_token_expiry_timestamp_seconds{%(selector)s, token!="vault"}) - time())
            / (max by (%(target)s, token) (vault_k8s_auth_token_expiry_timestamp_seconds{%(selector)s, token!="vault"}) - max by (%(target)s, token) (vault_k8s_auth_token_issued_timestamp_seconds{%(selector)s, token!="vault"}))
        |||, '{{token}} token'),
        g.over(|||
          (max by (%(target)s, server) (vault_k8s_auth_certificate_expiry_timestamp_seconds{%(selector)s}) - time())
            / (max by (%(target)s, server) (vault_k8s_auth_certificate_expiry_timestamp_seconds{%(selector)s}) - max by (%(target)s, server) (vault_k8s_auth_certificate_not_before_timestamp_seconds{%(selector)s}))
        |||, '{{server}} certificate'),
      ], { unit: 'percentunit', noValue: 'nothing is known to expire', max: 1 }),
    ]),
    g.heading('Latency and load'),
    g.line(8, [
      g.graph(18, 'Duration of a run', 'Duration of the latest run, from its first request to its last, and the latency objective.', [
        g.over('max by (%(target)s) (vault_k8s_auth_last_probe_duration_seconds{%(selector)s})', 'latest run'),
        g.over('0 * max by (%(target)s) (vault_k8s_auth_last_probe_duration_seconds{%(selector)s}) + $latency', 'objective'),
      ], { unit: 's' }),
      g.stat(6, 'Runs within the latency objective', 'Share of this time range in which the latest run took no longer than the latency objective.', [
        g.now('avg_over_time((max by (%(target)s) (vault_k8s_auth_last_probe_duration_seconds{%(selector)s}) <= bool $latency)[$__range:])'),
      ], { unit: 'percentunit', decimals: 2, thresholds: [[null, 'red'], [0.95, 'orange'], [0.99, 'green']] }),
    ]),
    g.line(8, [
      g.graph(12, 'Duration of each step', 'Duration in the latest run. A skipped step has no line.', [
        g.over('max by (%(target)s, step) (vault_k8s_auth_step_duration_seconds{%(selector)s})', '{{step}}'),
      ], { unit: 's' }),
      g.graph(12, 'Runs by outcome', 'Runs per minute, and how many of them failed, by the component that owns the cause.', [
        g.over('60 * sum(rate(vault_k8s_auth_probes_total{%(selector)s}[$__rate_interval]))', 'all'),
        g.over('60 * sum by (component) (rate(vault_k8s_auth_probe_failures_total{%(selector)s}[$__rate_interval])) > 0', 'failed, {{component}}'),
      ], { unit: 'cpm' }),
    ]),
    g.heading('Load on Vault'),
    g.line(8, [
      g.graph(10, 'Tokens issued and revoked', 'Vault tokens per minute that logins returned, and whether they were revoked. Batch tokens cannot be revoked.', [
        g.over('60 * sum by (type) (rate(vault_k8s_auth_tokens_issued_total{%(selector)s}[$__rate_interval]))', 'issued, {{type}}'),
        g.over('60 * sum(rate(vault_k8s_auth_tokens_revoked_total{%(selector)s}[$__rate_interval]))', 'revoked'),
        g.over('60 * sum(rate(vault_k8s_auth_token_revoke_failures_total{%(selector)s}[$__rate_interval]))', 'could not be revoked'),
        g.over('60 * sum(rate(vault_k8s_auth_tokens_unaccounted_total{%(selector)s}[$__rate_interval]))', 'unaccounted'),
      ], { unit: 'cpm' }),
      g.stat(4, 'Tokens not revoked', 'Vault tokens in this time range that could not be revoked, or whose login got no response. They live until their TTL ends.', [
        g.now('sum(increase(vault_k8s_auth_token_revoke_failures_total{%(selector)s}[$__range])) + sum(increase(vault_k8s_auth_tokens_unaccounted_total{%(selector)s}[$__range]))'),
      ], {
        thresholds: [[null, 'green'], [1, 'orange']],
        mappings: g.words([[0, 'green', 'none']]),
        decimals: 0,
      }),
      g.graph(10, 'Follow-ups', "Additional requests per minute after a failed login, which distinguish its possible causes. None can return a token; each is a line in Vault's audit log.", [
        g.over('60 * sum by (kind) (rate(vault_k8s_auth_follow_ups_total{%(selector)s}[$__rate_interval]))', '{{kind}}'),
      ], { unit: 'cpm' }),
    ]),
    g.heading('Configuration'),
    g.line(5, [
      g.table(24, 'Target configuration', "The target's configuration, with the interval between runs.", [
        g.rows('max by (%(target)s, vault_addr, vault_namespace, mount, role, kubernetes_host, reviewer) (vault_k8s_auth_target_info{%(selector)s})'),
        g.rows('max by (%(target)s) (vault_k8s_auth_target_interval_seconds{%(selector)s})'),
        g.rows('max by (%(target)s, version) (vault_k8s_auth_server_info{%(selector)s, server="vault"})'),
      ], {
        columns: [['Interval', { unit: 's' }]],
        transformations: g.arrange([['target', 'Target'], ['vault_addr', 'Vault'], ['version', "Vault's version"], ['vault_namespace', 'Vault namespace'], ['mount', 'Mount'], ['role', 'Role'], ['kubernetes_host', 'API server'], ['reviewer', 'Reviewer'], ['Value #B', 'Interval'], ['cluster', 'Cluster'], ['namespace', 'Namespace'], ['job', 'Job']], hidden=['Value #A', 'Value #C'], merge=true),
      }),
    ]),
  ];

  g.dashboard(
    config.dashboardUIDs.target,
    'Vault Kubernetes auth / Target',
    'Shows one target: its verdicts by reason, the steps of its runs, its tokens and certificates, and its load on Vault.',
    [
      g.link('Overview', 'All targets', '/d/vault-k8s-auth-overview', icon='dashboard', carry=true),
      g.link('Reasons', 'Every reason: how it is seen, how to fix it', '${docs}/reasons.md'),
      g.link('Warnings', 'Every warning: how it is seen, how to fix it', '${docs}/warnings.md'),
      g.link('Metrics', 'What each metric means, and when it is absent', '${docs}/metrics.md'),
    ],
    [
      g.values('target', 'Target', 'label_values(vault_k8s_auth_target_info{%s}, target)' % g.selector),
    ],
    panels,
    selector=g.selector + ', target="$target"'
  )
