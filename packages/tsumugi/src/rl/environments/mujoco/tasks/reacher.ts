// Reacher: move the tip of an arm of two links to a target. Reward −‖tip − target‖ − ‖a‖²; version 4 takes the distance from
// before the step.
import { defineTask } from '../definition.ts';
import { addUniform, put, sumOfSquares } from './parts.ts';

export const reacher = defineTask({
  name: 'Reacher',
  models: { 4: 'reacher.xml', 5: 'reacher.xml' },
  frameSkip: 2,
  maxSteps: 50,
  settings: { rewardDistWeight: 1, rewardControlWeight: 1 },
  view: { from: 'above', width: 0.7, centre: [0, 0] },
  make(simulation, settings, version) {
    // Version 5 leaves out the height of the tip above the target, which is always 0.
    const axes = version === 5 ? 2 : 3;
    const size = 8 + axes;
    const memory = new Float64Array(1);
    const [tip, target] = [3 * simulation.body('fingertip'), 3 * simulation.body('target')];
    const towards = (axis: number) => simulation.xpos[tip + axis]! - simulation.xpos[target + axis]!;
    const distance = () => Math.hypot(towards(0), towards(1), towards(2));
    return {
      size,
      memory,
      remember() {
        memory[0] = distance();
      },
      scatter(qpos, qvel, random) {
        addUniform(qpos, 0.1, random);
        let [x, y] = [0, 0];
        do {
          x = random.uniform(-0.2, 0.2);
          y = random.uniform(-0.2, 0.2);
        } while (Math.hypot(x, y) >= 0.2);
        qpos.set([x, y], 2);
        addUniform(qvel, 0.005, random);
        qvel.fill(0, 2);
      },
      observe() {
        const { qpos, qvel } = simulation;
        const [first, second] = qpos as unknown as [number, number];
        const observation = new Float64Array(size);
        observation.set([Math.cos(first), Math.cos(second), Math.sin(first), Math.sin(second)]);
        put(observation, 4, qpos, 2);
        observation.set([qvel[0]!, qvel[1]!], 6);
        for (let i = 0; i < axes; i++) observation[8 + i] = towards(i);
        return observation;
      },
      judge(action) {
        const away = -settings.rewardDistWeight * (version === 5 ? distance() : memory[0]!);
        const control = -settings.rewardControlWeight * sumOfSquares(action);
        return { reward: away + control, terminated: false, info: { reward_dist: away, reward_ctrl: control } };
      },
    };
  },
});
