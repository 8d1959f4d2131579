package gather

import (
	"context"
	"reflect"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Every text of a server goes through its run's redactor, which holds each credential
// of the run from when it is read or returned, and at the latest before it is sent.

type redactorKey struct{}

// withRedactor begins a run's redactor.
func withRedactor(ctx context.Context) (context.Context, *redact.Redactor) {
	r := redact.New(httpclient.ProxyCredentials()...)
	return context.WithValue(ctx, redactorKey{}, r), r
}

// redactorOf is the run's; nil, which holds nothing, outside of one.
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

// redactEvidence removes what the run came to hold after a text was cleaned, also from
// texts that are compared, not shown, and so were never cleaned.
func redactEvidence(e *evidence.Evidence, remove func(string) string) {
	redactValue(reflect.ValueOf(e).Elem(), remove)
}

// redactValue leaves pointers alone: behind them are values of earlier runs, which were
// redacted then. It changes no slice that others may share.
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
			return // redacted where it was read: it is long, and the same in every run
		}
		for i := range v.NumField() {
			redactValue(v.Field(i), remove)
		}
	case reflect.Slice:
		redactSlice(v, remove)
	}
}

func redactSlice(v reflect.Value, remove func(string) string) {
	if v.Type().Elem().Kind() != reflect.String {
		return
	}
	for i := range v.Len() {
		text := v.Index(i).String()
		removed := remove(text)
		if removed == text {
			continue
		}
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		own.Index(i).SetString(removed)
		v.Set(own)
	}
}
