package lab

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"
)

// A Page is what Alertmanager tells a webhook: the alerts of one group.
type Notification struct {
	Receiver    string            `json:"receiver"`
	Status      string            `json:"status"` // firing, or resolved
	GroupKey    string            `json:"groupKey"`
	GroupLabels map[string]string `json:"groupLabels"`
	Alerts      []Alert           `json:"alerts"`
}

// An Alert is one of a Page.
type Alert struct {
	Status      string            `json:"status"` // firing, or resolved
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
}

// A Receiver is the pager: a webhook on loopback.
type Webhook struct {
	URL string

	server *http.Server
	served chan error
}

// Receive hands each page to take as it arrives. It may be called concurrently.
func StartWebhook(take func(Notification)) (*Webhook, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Webhook{
		URL:    "http://" + listener.Addr().String(),
		server: &http.Server{Handler: webhookHandler(take), ReadHeaderTimeout: time.Second},
		served: make(chan error, 1),
	}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// Close ends it.
func (r *Webhook) Close() error {
	err := r.server.Close()
	if served := <-r.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func webhookHandler(take func(Notification)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var p Notification
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 10<<20)).Decode(&p); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		take(p)
	}
}
