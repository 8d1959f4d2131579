// Parts of expressions. All take the labels of a target, or of an exporter, as they come: they never name the label of the
// cluster, and match vectors on all labels that both have.
function(config) {
  // metric selects series of the exporter.
  metric(name, matchers='')::
    local all = std.join(', ', [m for m in [config.selector, matchers] if m != '']);
    'vault_k8s_auth_' + name + if all == '' then '' else '{' + all + '}',

  // Aggregations over the processes, and over further labels.
  aggregate(operation, vector, further=[])::
    '%s without (%s) (%s)' % [operation, std.join(', ', config.processLabels + further), vector],
  max(vector, further=[]):: self.aggregate('max', vector, further),
  min(vector, further=[]):: self.aggregate('min', vector, further),
  sum(vector, further=[]):: self.aggregate('sum', vector, further),
  group(vector, further=[]):: self.aggregate('group', vector, further),

  interval:: 'vault_k8s_auth:target_interval_seconds:max',

  // Runs that found that pods cannot log in. A fault of the canary or of the exporter does not say so.
  failures(operation, window):: self.sum('%s(%s[%s])' % [operation, self.metric('probe_failures_total', 'component!~"canary|exporter"'), window], ['component']),
  runs(operation, window):: self.sum('%s(%s[%s])' % [operation, self.metric('probes_total'), window]),
  failureRatio(window):: 'vault_k8s_auth:probe_failures:ratio_rate' + window,

  // The vector unless a maintenance is planned for its target now. further are its labels that are not the target's.
  planned:: 'vault_k8s_auth:target_maintenance:max',
  unlessPlanned(vector, further=[])::
    '%s\nunless %s%s == 1' % [vector, if further == [] then '' else 'ignoring (%s) ' % std.join(', ', further), self.planned],

  failedRuns:: 'vault_k8s_auth:consecutive_failed_runs:min',
  outage:: 'vault_k8s_auth:outage:start_timestamp_seconds',
  // The labels of an outage that are not the target's: the owner, and what its incident may be about.
  outageLabels:: ['component'] + self.objectLabels,
  objectLabels:: ['vault_addr', 'vault_namespace', 'mount', 'role', 'kubernetes_host'],

  buildLabels:: ['version', 'revision', 'branch', 'goversion', 'goos', 'goarch', 'tags'],

  // What the target's failed runs in a row are, and were before the exporter could not be scraped.
  lastFailedRuns:: '(%s or last_over_time(%s[%s]))' % [self.failedRuns, self.failedRuns, config.scrapeGap],

  // byInterval makes an expression of several windows, each for the targets whose interval it suits. windows are ordered pairs of
  // the longest interval in seconds, null at the end, and what is passed to the function.
  byInterval(windows, expr)::
    local bounds = [w[0] for w in windows];
    local condition(i) = std.join('', [
      if i > 0 then '\n  and %s > %d' % [self.interval, bounds[i - 1]] else '',
      if bounds[i] != null then '\n  unless %s > %d' % [self.interval, bounds[i]] else '',
    ]);
    std.join('\nor\n', ['(\n' + indent(std.rstripChars(expr(windows[i][1]), '\n')) + condition(i) + '\n)' for i in std.range(0, std.length(windows) - 1)]),

  local indent(text) = '  ' + std.strReplace(text, '\n', '\n  '),
  indent(text):: indent(text),
}
