package evidence

import (
	"fmt"
	"log/slog"
)

const redacted = "REDACTED"

// Secret is a credential: a JWT or a Vault token. Printed, logged or encoded, it is always
// REDACTED; only [Secret.Reveal] returns the value. The value is kept in a closure,
// because fmt reads unexported fields by reflection.
type Secret struct{ reveal func() string }

// NewSecret wraps a credential; an empty one is the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{func() string { return value }}
}

// Reveal returns the credential. It may be sent only to the server that it is meant
// for.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether there is no credential at all.
func (s Secret) IsZero() bool { return s.reveal == nil }

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) Format(f fmt.State, _ rune)   { fmt.Fprint(f, redacted) }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
