package gather

import (
	"context"
	"reflect"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Every text from a server goes through its run's redactor. The redactor knows each
// credential of the run from the moment it is read or received, always before it is sent.

type redactorKey struct{}

// withRedactor returns a context with a new redactor for one run.
func withRedactor(ctx context.Context) (context.Context, *redact.Redactor) {
	r := redact.New(httpclient.ProxyCredentials()...)
	return context.WithValue(ctx, redactorKey{}, r), r
}

// redactorOf returns the run's redactor. Outside of a run it is nil, which knows no
// credentials.
func redactorOf(ctx context.Context) *redact.Redactor {
	r, _ := ctx.Value(redactorKey{}).(*redact.Redactor)
	return r
}

func cleanAll(clean func(string) string, texts []string) []string {
	var cleaned []string
	for _, text := range texts {
		cleaned = append(cleaned, clean(text))
	}
	return cleaned
}

// redactEvidence removes credentials that became known only after a text was cleaned. It
// covers every text, including those that were not cleaned because they are compared, not
// displayed.
func redactEvidence(e *evidence.Evidence, remove func(string) string) {
	redactValue(reflect.ValueOf(e).Elem(), remove)
}

// redactValue does not follow pointers: they point to values of earlier runs, which are
// redacted already. It copies slices before it modifies them, since they may be shared.
func redactValue(v reflect.Value, remove func(string) string) {
	switch v.Kind() {
	case reflect.String:
		if text := v.String(); v.CanSet() {
			if removed := remove(text); removed != text {
				v.SetString(removed)
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[evidence.MountConfig]() {
			return // redacted when it was read: it is long, and the same in every run
		}
		for i := range v.NumField() {
			redactValue(v.Field(i), remove)
		}
	case reflect.Slice:
		redactSlice(v, remove)
	}
}

func redactSlice(v reflect.Value, remove func(string) string) {
	switch v.Type().Elem().Kind() {
	case reflect.String:
	case reflect.Struct:
		clone := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(clone, v)
		for i := range clone.Len() {
			redactValue(clone.Index(i), remove)
		}
		if v.CanSet() && v.Len() > 0 {
			v.Set(clone)
		}
		return
	default:
		return
	}
	for i := range v.Len() {
		text := v.Index(i).String()
		removed := remove(text)
		if removed == text {
			continue
		}
		clone := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(clone, v)
		clone.Index(i).SetString(removed)
		v.Set(clone)
	}
}
