// Package deploy tests the Helm chart and the kustomizations that are rendered from it.
//
// It is a separate module, so that the exporter does not depend on Helm, the Pod Security evaluator and the Prometheus operator's types.
package deploy
