/** The shipped checkpoint, from the server that the page is from. */
import { DDPM, http, load, orThrow } from 'diffold'

/** Reads it. */
export const checkpoint = () => orThrow(load(DDPM, http(new URL('checkpoint', location.href).href)))
