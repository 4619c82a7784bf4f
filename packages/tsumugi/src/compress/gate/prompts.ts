// What an artefact and its source are compared on: Japanese prose, speech, facts, numbers, Latin letters, a list. Fixed, so that
// figures of different artefacts can be compared; another wording would be another measurement.
export const gatePrompts: readonly string[] = [
  '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で',
  '日本の首都は東京であり、最も高い山は富士山である。いちばん長い川は',
  '「明日の会議は何時からですか」と聞くと、彼女は手帳を開いて、「',
  '材料(二人分):米 2合、だし 360ml、しょうゆ 大さじ1、鶏肉 150g。作り方:まず、',
  '1年は12か月、1日は24時間、1時間は60分である。したがって、1日は',
  'TypeScript で配列の合計を求めるには、reduce を使う。たとえば const sum = ',
  '次の文を英語に訳しなさい。「雨が降ったので、試合は中止になった。」\n',
  '春は曙。やうやう白くなりゆく山際、すこしあかりて、紫だちたる雲の細くたなびきたる。夏は',
];
