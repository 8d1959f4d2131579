package evidence

import "github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"

// Clean makes a text that a server or a file had a hand in fit to be logged and
// shown. Within a run, texts of servers go through the run's [redact.Redactor], which
// knows the run's credentials as well.
func Clean(text string) string { return redact.Clean(text) }
