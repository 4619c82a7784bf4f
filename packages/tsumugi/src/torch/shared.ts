// Tensors of several worker threads over the same memory. A tensor itself does not cross threads; its ticket does.
import { native } from './native.ts';
import { Tensor } from './tensor.ts';

/** Stands for a shared tensor in messages to other threads of this process. */
export type Ticket = number;

/**
 * Shares a tensor's memory until `unshare`: each thread that takes the ticket up sees what the others write, element by element and
 * without any order between them (as Hogwild has it, Niu et al. 2011, arXiv 1106.5730).
 */
export const share = (tensor: Tensor): Ticket => native().share(tensor.handle);

/** A tensor over the memory of a shared one, which takes gradients of its own. @throws NativeError when it is shared no more */
export const takeUp = (ticket: Ticket): Tensor => new Tensor(native().shared(ticket));

/** The ticket is void from here on; tensors that were taken up stay valid. */
export const unshare = (ticket: Ticket): void => native().unshare(ticket);
