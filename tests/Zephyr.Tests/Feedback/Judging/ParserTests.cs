using Zephyr.Feedback.Judging;

namespace Zephyr.Tests.Feedback.Judging;

public class ParserTests
{
    [Theory]
    [InlineData("""{"ratings": [{"answer": 1, "rationale": "a", "rating": "4"}, {"answer": 2, "rationale": "b", "rating": "N/A"}]}""")]
    [InlineData("""{"ratings": [{"answer": 2, "rationale": "b", "rating": "n/a"}, {"answer": 1, "rationale": "a", "rating": 4}]}""")]
    [InlineData("""Here it is: [{"Answer": "Answer 1", "Rationale": "a", "Score": 4.0}, {"Answer": "2", "Rationale": "b", "Score": "N/A"}]. Done.""")]
    [InlineData("```json\n{\"scores\": [\n {\"rating\": 4, \"reason\": \"a\"},\n {\"rating\": \"N/A\", \"reason\": \"b\"},\n]}\n```")]
    [InlineData("""{"answer_1": {"rating": "4/5", "reasoning": "a"}, "answer_2": {"rating": "N/A", "reasoning": "b"}}""")]
    [InlineData("""{"ratings": {"1": {"score": 4, "rationale": "a"}, "Answer 2": {"score": "NA", "rationale": "b"}}}""")]
    [InlineData("<think>Answer 1: 2, Answer 2: 3? {\"1\": 2}</think>\n{\"1\": {\"rating\": 4, \"rationale\": \"a\"}, \"2\": {\"rating\": \"N/A\", \"rationale\": \"b\"}}")]
    [InlineData("In set {x in R} we see f.\n{\"1\": {\"rating\": 4, \"rationale\": \"a\"}, \"2\": {\"rating\": \"N/A\", \"rationale\": \"b\"}}")]
    [InlineData("#### Output for Text 1\nRating: 4\nRationale: a\n\n#### Output for Text 2\nRating: N/A\nRationale: b")]
    [InlineData("Rating: 4\nRationale: a\n\nRating: N/A\nRationale: b\n")]
    [InlineData("**Answer 1**\nRationale: a\n**Rating:** 4\n\n**Answer 2**\nRationale: b\n**Rating:** N/A")]
    [InlineData("Answer 2:\nScore = N/A\nReason: b\nAnswer 1:\nScore = 4 out of 5\nReason: a")]
    [InlineData("- Rating for answer 1: 4 Rationale: a\n- Rating for answer 2: N/A Rationale: b")]
    [InlineData("1. Rating: 4/5\nReason: a\n2. Rating: not applicable\nReason: b")]
    public void Ratings_are_read_in_whatever_form_they_come(string text)
    {
        var (ratings, problem) = RatingsParser.Parse(text, 2, RatingScale.Aspect);
        Assert.Null(problem);
        Assert.Equal([new(4, "a"), new(null, "b")], ratings!);
    }

    [Theory]
    [InlineData("Answer 1: 4\nAnswer 2: 5")]
    [InlineData("*Answer 1*: 4 - the better part of it is good\n*Answer 2*: 5 - good")]
    [InlineData("{\"ratings\": [4, 5]}")]
    [InlineData("{\"ratings\": [{\"answer\": 1, \"rating\": 4}, {\"answer\": 2, \"rating\": 5}")]
    [InlineData("Answer 1: 4\nAnswer 2: 5\n\n{\"1\": 4, \"2\": 5}")]
    public void Ratings_may_come_without_reasons(string text) =>
        Assert.Equal([4, 5], RatingsParser.Parse(text, 2, RatingScale.Aspect).Value!.Select(rating => rating.Value));

    [Theory]
    [InlineData("1. Rating: 4-5\n2. Rating: 3", "found the rating \"4-5\" for answer 1, expected a whole number from 1 to 5 or N/A")]
    [InlineData("1. Rating: 4, maybe 3\n2. Rating: 3", "found the rating \"4, maybe 3\" for answer 1, expected a whole number from 1 to 5 or N/A")]
    [InlineData("1. Rating: 8/10\n2. Rating: 3", "found the rating \"8/10\" for answer 1, expected a whole number from 1 to 5 or N/A")]
    [InlineData("1. Rating: -4\n2. Rating: 3", "found the rating -4 for answer 1, expected a whole number from 1 to 5 or N/A")]
    [InlineData("1. Rating: 80%\n2. Rating: 3", "found the rating \"80%\" for answer 1, expected a whole number from 1 to 5 or N/A")]
    [InlineData("1. Rating: four\n2. Rating: 3", "found the rating \"four\" for answer 1, expected a whole number from 1 to 5 or N/A")]
    [InlineData("Rating: 3\nRating: 4", "found ratings without the number of their answer and not each with its rationale, expected one rating for each of the answers 1 to 2")]
    [InlineData("Rating: 3\nReason: a\nRating: 3\nReason: b\nRating: 3\nReason: c", "found 3 ratings without the number of their answer, expected one rating for each of the answers 1 to 2")]
    [InlineData("Answer 1\nRating: 3\nAnswer 1\nRating: 4\nAnswer 2\nRating: 4", "found the ratings 3 and 4 for answer 1, expected one")]
    [InlineData("Rating: 3\nAnswer 2\nRating: 4", "found 1 of 2 ratings without the number of their answer, expected one rating for each of the answers 1 to 2")]
    [InlineData("Answer 1 is the better one.\nAnswer 2 has 3 flaws.", "found no rating, expected one rating for each of the answers 1 to 2")]
    [InlineData("{\"1\": 3, \"1\": 4, \"2\": 4}", "found no rating, expected one rating for each of the answers 1 to 2")]
    [InlineData("{\"1\": {\"rating\": 3}, \"1\": {\"rating\": 4}}", "found broken JSON, expected one rating for each of the answers 1 to 2")]
    [InlineData("{\"ratings\": [{\"rating\": 3}, {\"rating\": 4}", "found broken JSON, expected one rating for each of the answers 1 to 2")]
    [InlineData("{\"ratings\": [{\"answer\": \"best\", \"rating\": 3}, {\"answer\": 2, \"rating\": 4}]}", "found a rating for answer -1, expected one rating for each of the answers 1 to 2")]
    [InlineData("[{\"model\": \"2nd\", \"rating\": 3}, {\"model\": \"1st\", \"rating\": 4}]", "found ratings with fields of another name, one of which may be the number of their answer, expected one rating for each of the answers 1 to 2")]
    [InlineData("{\"1\": {\"rating\": 4, \"score\": 5}, \"2\": 3}", "found the ratings 4 and 5 for answer 1, expected one")]
    [InlineData("{\"ratings\": [4, 5], \"scores\": [4, 3]}", "found the ratings 5 and 3 for answer 2, expected one")]
    [InlineData("[{\"rating\": 4, \"score\": 5}, {\"rating\": 3}]", "found 3 ratings without the number of their answer, expected one rating for each of the answers 1 to 2")]
    [InlineData("<think>Rating: 3\nRating: 4", "found no rating, expected one rating for each of the answers 1 to 2")]
    public void What_is_no_whole_judgment_is_a_failure(string text, string problem) =>
        Assert.Equal(new(null, problem), RatingsParser.Parse(text, 2, RatingScale.Aspect));

    [Theory]
    [InlineData("Rating: [[7]]", 7)]
    [InlineData("To rate it I follow the form \"Rating: [[7]]\", on a scale of 1 to 10 with 10 the best.", 7)]
    [InlineData("It is good.\n\n**Score:** 8/10", 8)]
    [InlineData("Overall Score: 8.5 out of 10 (a fine answer)", 8.5)]
    [InlineData("It is good. Rating: 9. It names 3 of 4 causes.", 9)]
    [InlineData("```\n{\"critique\": \"Score: 3 would be harsh\", \"score\": \"7\"}\n```", 7)]
    [InlineData("{\"critique\": \"good\", \"overall_score\": 7.0}", 7)]
    [InlineData("<think>[[2]]</think>[[3]]", 3)]
    [InlineData("[[10/10]]", 10)]
    [InlineData("[Rating: 9]", 9)]
    public void A_score_is_read_in_whatever_form_it_comes(string text, double score) =>
        Assert.Equal((score, null), (ScoreParser.Parse(text, RatingScale.Overall) is var (value, problem) ? value?.Value : null, problem));

    [Theory]
    [InlineData("[[9]] and later [[10]]", "found the scores 9 and 10, expected one")]
    [InlineData("[[0]]", "found the score 0, expected a number from 1 to 10")]
    [InlineData("[[11]]", "found the score 11, expected a number from 1 to 10")]
    [InlineData("Score: 85/100", "found the score \"85/100\", expected a number from 1 to 10")]
    [InlineData("Score: 7 to 8", "found the score \"7 to 8\", expected a number from 1 to 10")]
    [InlineData("Rating: [[7]]\nScore: 8", "found the scores 7 and 8, expected one")]
    [InlineData("return [0, 5][1]", "found no score, expected a number from 1 to 10")]
    [InlineData("Rating: N/A", "found the score N/A, expected a number from 1 to 10")]
    [InlineData("{\"score\": true}", "found the score true, expected a number from 1 to 10")]
    [InlineData("I rate it highly.", "found no score, expected a number from 1 to 10")]
    [InlineData("Rating: [[rating]]", "found no score, expected a number from 1 to 10")]
    public void What_is_no_one_score_is_a_failure(string text, string problem) =>
        Assert.Equal(new(null, problem), ScoreParser.Parse(text, RatingScale.Overall));

    [Theory]
    [InlineData("{\"rationale\": \"B rambles\", \"verdict\": \"A\"}", Preference.A)]
    [InlineData("A is shorter. My final verdict is: [[B]]", Preference.B)]
    [InlineData("[[C]]", Preference.Tie)]
    [InlineData("**Verdict:** tie.", Preference.Tie)]
    [InlineData("Winner: Answer B", Preference.B)]
    public void A_verdict_is_read_in_whatever_form_it_comes(string text, Preference verdict) =>
        Assert.Equal(verdict, VerdictParser.Parse(text).Value?.Preference);

    [Theory]
    [InlineData("A is better.", "found no verdict, expected a verdict: A, B or tie")]
    [InlineData("[[A]] no, [[B]]", "found the verdicts A and B, expected one")]
    [InlineData("{\"verdict\": \"A\"} [[B]]", "found the verdicts A and B, expected one")]
    [InlineData("{\"verdict\": 1}", "found the verdict \"1\", expected a verdict: A, B or tie")]
    [InlineData("Verdict: A or B", "found the verdict \"A or B\", expected a verdict: A, B or tie")]
    public void What_is_no_one_verdict_is_a_failure(string text, string problem) =>
        Assert.Equal(new(null, problem), VerdictParser.Parse(text));
}
