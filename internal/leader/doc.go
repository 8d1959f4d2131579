// Package leader has one of several processes do the work, by a Lease of
// Kubernetes.
//
// It differs from what client-go's leader election does by itself in what a leader
// does when it cannot renew its lease. Elsewhere it stops, since two leaders would
// do harm. Here it goes on: two that probe cost a second login a minute, while
// nobody probing is blindness during the very outage that has to be reported. A
// leader ends only where it has seen, in the Lease, that another one holds it. So
// two work at once only while one of them cannot read the Lease, and until its
// next attempt after that.
package leader
