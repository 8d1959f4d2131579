// Package redact keeps credentials out of texts that a server had a hand in. A
// [Redactor] knows the very credentials of one run and finds them in any usual
// encoding; [Clean] knows what credentials look like.
package redact
