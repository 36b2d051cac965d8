/* Acknowledging events: an object is destroyed only when every event of it that
 * the program took has been acknowledged.  The acknowledged are counted in the
 * fields that <infiniband/verbs.h> gives to the object.
 */
#ifndef VERBS_SHIM_ACK_H
#define VERBS_SHIM_ACK_H

#include <pthread.h>
#include <stdint.h>

static inline void ack_add(pthread_mutex_t *mutex, pthread_cond_t *cond,
			   uint32_t *acked, uint32_t n)
{
	pthread_mutex_lock(mutex);
	*acked += n;
	pthread_cond_broadcast(cond);
	pthread_mutex_unlock(mutex);
}

static inline void ack_wait(pthread_mutex_t *mutex, pthread_cond_t *cond,
			    const uint32_t *acked, uint32_t taken)
{
	pthread_mutex_lock(mutex);
	while (*acked != taken)
		pthread_cond_wait(cond, mutex);
	pthread_mutex_unlock(mutex);
}

#endif
