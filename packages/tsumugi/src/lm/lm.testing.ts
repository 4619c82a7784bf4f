// For tests: a hybrid small enough to be run many times, with a window and a chunk that short texts already exceed.
import { type Plamo2Config, preset } from './index.ts';

export const smallConfig = (changes: Partial<Plamo2Config> = {}): Plamo2Config =>
  preset('mini', {
    hidden_size: 64,
    intermediate_size: 96,
    hidden_size_per_head: 16,
    mamba_num_heads: 4,
    mamba_d_state: 8,
    vocab_size: 300,
    attention_window_size: 5,
    mamba_chunk_size: 4,
    ...changes,
  });
