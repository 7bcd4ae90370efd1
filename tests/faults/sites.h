/*
 * sites.h - which calls in the library were on the way to an injected failure
 *
 * Each failure notes the return addresses on the stack. sites.py makes lines
 * of the source of them and compares those with the calls that it finds there.
 */
#ifndef FAULTS_SITES_H
#define FAULTS_SITES_H

/* Open the file that BLT_SITES names; without that variable, nothing. */
void sites_open(void);

/* Something fails now: add who asked for it to the file. */
void sites_note(void);

#endif
