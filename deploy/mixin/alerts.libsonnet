{
  local config = $._config,
  local q = (import 'query.libsonnet')(config),
  local a = (import 'annotations.libsonnet')(config),

  // alert makes an alert about a target, about the exporter of a job, or about the workloads of a namespace. The last number of an expression is its threshold: the
  // chart replaces it there.
  local alert(name, severity, rule, subject='target') = {
    alert: name,
    expr: rule.expr,
    [if 'for' in rule then 'for']: rule['for'],
    [if 'keep' in rule then 'keep_firing_for']: rule.keep,
    labels: { severity: severity } + std.get(rule, 'labels', {}),
    annotations: {
      summary: rule.summary,
      description: {
        target: '{{ $labels.target }}: %s For the cause and the fix: ' + a.check,
        job: '{{ with $labels.namespace }}{{ . }}/{{ end }}{{ $labels.job }}: %s',
        workloads: '%s For the cause and the fix: ' + a.workloads,
      }[subject] % [rule.description],
      runbook_url: config.runbookURLPattern % name,
    } + a.links(if subject == 'target' then 'target' else 'job'),
  },

  // The target is in an outage that VaultK8sAuthLoginFailing has reported, or will report within minutes.
  local reportedWithin(window) = 'max_over_time(%s[%s]) >= 3' % [q.failedRuns, window],
  local atLeast(count, window) = '%s >= %d' % [q.failures('increase', window), count],

  local budget = '%g' % config.errorBudget,

  local pods = [
    alert('VaultK8sAuthLoginFailing', 'critical', {
      expr: q.unlessPlanned(q.min(q.outage), q.outageLabels),
      'for': config.loginFailingFor,
      keep: config.outageHold,
      summary: 'Pods cannot log in to Vault with the Kubernetes auth method.',
      description: 'pods cannot log in to Vault at {{ $labels.vault_addr }}, since {{ $value | humanizeTimestamp }}.'
                   + a.verdict('vault_k8s_auth_verdict_info', q.outageLabels),
    }),

    // Vault uses another token, or the API server has cached a result. In the second case logins will fail soon.
    alert('VaultK8sAuthReviewerFailing', 'warning', {
      expr: |||
        %s
        and ignoring (component) %s == 0
        and ignoring (component) %s == 1
      ||| % [
        q.max(q.metric('reviewer_verdict_info', 'reason!="none"'), ['reason']),
        q.max(q.metric('reviewer_up')),
        q.max(q.metric('up')),
      ],
      'for': '10m',
      summary: "The reviewer's token cannot create TokenReviews, while logins still work.",
      description: "the configured reviewer fails, while pods can still log in. Either its token is a stale copy of Vault's, or logins will fail soon."
                   + a.verdict('vault_k8s_auth_reviewer_verdict_info', ['component']),
    }),

    // An outage is not reported again.
    alert('VaultK8sAuthFlaky', 'warning', {
      expr: '(\n%s\n) > 0.2' % q.indent(q.byInterval([[60, '15m'], [300, '1h'], [null, '6h']], function(window) |||
        %s
        / %s
        and %s
        unless %s
      ||| % [q.failures('increase', window), q.runs('increase', window), atLeast(3, window), reportedWithin(window)])),
      'for': '5m',
      summary: 'Some logins fail and others succeed, for example because one of several Vault nodes is sealed.',
      description: '{{ $value | humanizePercentage }} of the latest runs found that pods cannot log in, and the others that they can. '
                   + 'For the reasons, see the timeline on the status page, or vault_k8s_auth_probe_failure_reasons_total.',
    }),
  ] + [
    alert('VaultK8sAuthErrorBudgetBurn', burn.severity, {
      expr: q.byInterval(burn.windows, function(windows) burn.unless(|||
        %s > %s * %s
        and %s > %s * %s
        and %s
        unless %s
      ||| % [
        q.failureRatio(windows[0]),
        burn.rate,
        budget,
        q.failureRatio(windows[1]),
        burn.rate,
        budget,
        atLeast(3, windows[0]),
        reportedWithin(windows[0]),
      ])),
      'for': '5m',
      summary: 'Logins fail so often that the error budget will be used up early.',
      description: '{{ $value | humanizePercentage }} of the runs found that pods cannot log in. For the reasons, see the timeline on the '
                   + 'status page, or vault_k8s_auth_probe_failure_reasons_total.',
    })
    for burn in [
      {
        severity: 'critical',
        rate: 14.4,
        windows: [[300, ['1h', '15m']], [null, ['6h', '1h']]],
        unless(vector):: q.unlessPlanned(std.rstripChars(vector, '\n')),
      },
      { severity: 'warning', rate: 6, windows: [[300, ['6h', '30m']], [null, ['1d', '6h']]], unless(vector):: vector },
    ]
  ],

  // What is left of a validity period, as a share of it. A fixed number of days would always be left of a token that is renewed
  // hourly. At most 14 days, which are 10 % of 140 days.
  local left(begin, end, of) = |||
    (
      (%(end)s - time())
      / clamp_max(%(end)s - %(begin)s, 140 * 86400)
      unless ignoring (%(label)s) %(failedRuns)s >= %(enough)d%(planned)s
    ) < %(threshold)s
  ||| % of {
    planned: if of.pages then '\n  unless ignoring (%s) %s == 1' % [of.label, q.planned] else '',
    begin: begin,
    end: end,
    failedRuns: q.lastFailedRuns,
    enough: config.failedRuns,
  },
  local token(matcher, threshold, pages) = left(
    q.max(q.metric('token_issued_timestamp_seconds', matcher)),
    q.max(q.metric('token_expiry_timestamp_seconds', matcher)),
    { label: 'token', threshold: threshold, pages: pages }
  ),
  local certificate(threshold, pages) = left(
    q.min(q.metric('certificate_not_before_timestamp_seconds')),
    q.min(q.metric('certificate_expiry_timestamp_seconds')),
    { label: 'server', threshold: threshold, pages: pages }
  ),

  local soon = [
    // Vault tokens are used only for one run.
    alert('VaultK8sAuthTokenExpiring', at.severity, {
      expr: token(at.matcher, at.threshold, at.severity == 'critical'),
      'for': '5m',
      summary: 'A token expires soon and has not been renewed.',
      description: 'the {{ $labels.token }} token has {{ $value | humanizePercentage }} of its validity period left (periods longer than 140 days '
                   + "count as 140 days). When the reviewer's token expires, pods cannot log in. When the canary's token expires, the exporter "
                   + 'no longer knows whether they can.',
    })
    for at in [
      { severity: 'warning', matcher: 'token!="vault"', threshold: '0.1' },
      { severity: 'critical', matcher: 'token="reviewer"', threshold: '0.02' },
    ]
  ] + [
    alert('VaultK8sAuthCertificateExpiring', at.severity, {
      expr: certificate(at.threshold, at.severity == 'critical'),
      'for': '5m',
      summary: 'A certificate that logins depend on expires soon.',
      description: 'the certificate of {{ $labels.server }} has {{ $value | humanizePercentage }} of its validity period left (periods longer '
                   + 'than 140 days count as 140 days). When it expires, pods cannot log in; if it is that of client, the exporter cannot.',
    })
    for at in [{ severity: 'warning', threshold: '0.1' }, { severity: 'critical', threshold: '0.02' }]
  ] + [
    // Without the warnings that have their own alert.
    alert('VaultK8sAuthWarning', 'warning', {
      expr: q.max('last_over_time(%s[%s])' % [
        q.metric('warning', 'warning!~"reviewer_token_expiring|certificate_expiring|reviewer_stale_copy|token_not_revoked|mount_accepts_invalid_token"'),
        config.scrapeGap,
      ]) + ' == 1',
      'for': '4h',
      summary: 'A warning that does not prevent logins today has been active for hours.',
      description: 'the warning {{ $labels.warning }} has been active for four hours. Its meaning: %s#{{ $labels.warning }}' % config.warningsURL,
    }),

    alert('VaultK8sAuthTokensNotRevoked', 'warning', {
      expr: '(\n%s\n) >= 3' % q.indent(q.byInterval([[300, '1h'], [null, '6h']], function(window)
        '%s\n+ %s' % [
          q.sum('increase(%s[%s])' % [q.metric(counter), window])
          for counter in ['token_revoke_failures_total', 'tokens_unaccounted_total']
        ])),
      summary: "Some of the canary's Vault tokens were not revoked.",
      description: '{{ $value | humanize }} tokens of the last hours were not revoked, or their logins got no response. They live until the TTL '
                   + "of the canary's role ends.",
    }),
  ],

  local workloads = [
    // Of one team at a time, which has to be told.
    alert('VaultK8sAuthWorkloadLoginBroken', 'warning', {
      expr: q.aggregate('count', q.max(q.metric('workload_login_broken_info')), ['role', 'service_account', 'reason', 'source']) + ' >= 1',
      'for': '5m',
      keep: '15m',
      summary: 'Logins of workloads will fail when their pods restart.',
      description: '{{ $value }} logins of the service accounts in {{ $labels.service_account_namespace }} will fail at {{ $labels.target }} when their pods restart.',
    }, 'workloads'),

    alert('VaultK8sAuthForgedTokenAccepted', 'critical', {
      expr: q.max(q.metric('warning', 'warning="mount_accepts_invalid_token"'), ['warning']) + ' == 1\nor\n'
            + q.max(q.metric('workload_forged_token_accepted')) + ' == 1',
      keep: '1h',
      labels: { category: 'security' },
      summary: 'An auth mount issued a token to a login that it must refuse.',
      description: 'a login that must be refused, usually with a JWT that the exporter forged, got a token, which was revoked. Whoever reaches Vault may be able to log in there as any service account.',
    }),
  ],

  // The exporter itself. These alerts do not mean that pods cannot log in, so none of them pages.
  local exporter = [
    // The age of the last success counts in units that grow with the target's interval: 300 is five minutes for intervals of up to
    // 150 s, and two intervals for longer ones.
    alert('VaultK8sAuthCanaryFailing', 'warning', {
      expr: |||
        %s
        unless ignoring (component)
        (time() - %s)
        / clamp_min(%s / 150, 1) < 300
      ||| % [
        q.max(q.metric('verdict_info', 'component=~"canary|exporter"'), ['reason', 'certainty']),
        q.max('last_over_time(%s[%s])' % [q.metric('last_success_timestamp_seconds'), config.scrapeGap]),
        q.interval,
      ],
      'for': '5m',
      summary: 'The exporter does not know whether pods can log in, because of its own fault.',
      description: "the exporter's canary is broken, so whether pods can log in is not known."
                   + a.verdict('vault_k8s_auth_verdict_info', ['component']),
    }),

    alert('VaultK8sAuthProbesStale', 'warning', {
      expr: 'time() - %s\n> 3 * %s' % [q.max(q.metric('last_probe_timestamp_seconds')), q.max(q.metric('target_interval_seconds'))],
      'for': '2m',
      summary: 'A target has not been probed for three intervals.',
      description: 'the last run began {{ $value | humanizeDuration }} ago. Whether pods can log in is not known.',
    }),

    alert('VaultK8sAuthTargetUnprobed', 'warning', {
      expr: '%s\nunless %s' % [q.group(q.metric('target_interval_seconds')), q.group(q.metric('last_probe_timestamp_seconds'))],
      'for': '10m',
      summary: 'A configured target has never been probed.',
      description: 'no run has been completed since the exporter started. Whether pods can log in is not known.',
    }),

    alert('VaultK8sAuthExporterAbsent', 'warning', {
      expr: |||
        time() - vault_k8s_auth:exporter_last_scrape:timestamp_seconds
        unless %s
        or
        %s == 0
      ||| % [q.group(q.metric('exporter_build_info'), q.buildLabels), q.max('up{%s}' % config.upSelector)],
      'for': '5m',
      summary: 'Prometheus scrapes no exporter of a job.',
      description: 'no exporter is scraped{{ if $value }}, and none was for {{ $value | humanizeDuration }}{{ end }}. Whether pods can log in is not known.',
    }, 'job'),

    alert('VaultK8sAuthNoLeader', 'warning', {
      expr: q.max(q.metric('exporter_leader')) + ' == 0',
      'for': '2m',
      summary: 'No exporter holds the Lease, so none probes.',
      description: 'no process holds the Lease {{ $labels.lease }}. Whether pods can log in is not known.',
    }, 'job'),

    alert('VaultK8sAuthShardsIncomplete', 'warning', {
      expr: |||
        (
          %s
          != %s
          or
          %s
          != %s
        )
        and %s
      ||| % [
        q.sum(q.metric('exporter_targets', 'state="assigned"'), ['state']),
        q.max(q.metric('exporter_targets', 'state="configured"'), ['state']),
        q.max(q.metric('exporter_config_hash')),
        q.min(q.metric('exporter_config_hash')),
        q.group(q.metric('exporter_shard_info', 'total!="1"'), ['shard', 'total']),
      ],
      'for': '10m',
      summary: 'The shards do not cover every target exactly once.',
      description: 'a target is probed by no shard or by two shards, or the shards have different targets files.',
    }, 'job'),

    alert('VaultK8sAuthReloadFailed', 'warning', {
      expr: q.min(q.metric('exporter_config_last_reload_successful')) + ' == 0',
      'for': '2m',
      summary: 'The targets file was rejected, and an older one is in use.',
      description: 'the targets file has mistakes. The log names each of them with its line.',
    }, 'job'),
  ],

  prometheusAlerts+:: {
    groups+: [
      { name: 'vault-k8s-auth-exporter.pods', rules: pods },
      { name: 'vault-k8s-auth-exporter.soon', rules: soon },
      { name: 'vault-k8s-auth-exporter.workloads', rules: workloads },
      { name: 'vault-k8s-auth-exporter.exporter', rules: exporter },
    ],
  },
}
