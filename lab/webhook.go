package lab

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"
)

// A Notification is what Alertmanager sends to a webhook: the alerts of one group. The format is Alertmanager's version
// 4.
type Notification struct {
	Receiver    string            `json:"receiver"`
	Status      string            `json:"status"` // firing or resolved
	GroupKey    string            `json:"groupKey"`
	GroupLabels map[string]string `json:"groupLabels"`
	Alerts      []Alert           `json:"alerts"`
}

// An Alert is one alert of a Notification.
type Alert struct {
	Status      string            `json:"status"` // firing or resolved
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
}

// A Webhook is an HTTP server on loopback that receives Alertmanager's notifications.
type Webhook struct {
	URL string

	server *http.Server
	served chan error
}

// StartWebhook calls handle with each notification, possibly concurrently.
func StartWebhook(handle func(Notification)) (*Webhook, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &Webhook{
		URL:    "http://" + listener.Addr().String(),
		server: &http.Server{Handler: webhookHandler(handle), ReadHeaderTimeout: time.Second},
		served: make(chan error, 1),
	}
	go func() { w.served <- w.server.Serve(listener) }()
	return w, nil
}

// Close stops the server.
func (w *Webhook) Close() error {
	err := w.server.Close()
	if served := <-w.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func webhookHandler(handle func(Notification)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var p Notification
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 10<<20)).Decode(&p); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		handle(p)
	}
}
