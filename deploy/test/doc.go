// Package deploy holds tests of what is installed: the chart, and what of it is rendered for kustomize.
//
// It is a module of its own, because Helm, Pod Security's evaluator and the operator's types are not what the exporter is built of.
package deploy
