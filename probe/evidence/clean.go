package evidence

import "github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"

// Clean makes a text from a server or a file safe to log and display: it removes control
// characters and whatever looks like a credential. Within a run, texts from servers go
// through the run's [redact.Redactor], which also knows the run's own credentials.
func Clean(text string) string { return redact.Clean(text) }
