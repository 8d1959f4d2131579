package evidence

import (
	"fmt"
	"log/slog"
)

const redacted = "REDACTED"

// Secret is a credential: a JWT or a Vault token. However it is printed, logged
// or encoded it says REDACTED; [Secret.Reveal] alone gives the value. It is kept in
// a closure, since fmt reads the unexported fields of others by reflection.
type Secret struct{ reveal func() string }

// NewSecret wraps a credential; an empty one is the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{func() string { return value }}
}

// Reveal returns the credential itself, to be sent to the one server that it is
// meant for and to nobody else.
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
