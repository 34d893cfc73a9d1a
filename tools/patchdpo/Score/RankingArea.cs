namespace PatchDpo.Tool.Score;

/// <summary>The area under the ROC curve: how often a positive scores above a negative.</summary>
internal static class RankingArea
{
    /// <summary>Weighted; ties count half. NaN where a side has no weight.</summary>
    public static double Compute(IEnumerable<(float Score, double Weight)> positives, IEnumerable<(float Score, double Weight)> negatives)
    {
        (float Score, double Weight, bool Positive)[] all =
        [
            .. positives.Select(p => (p.Score, p.Weight, Positive: true)).Concat(negatives.Select(n => (n.Score, n.Weight, Positive: false)))
                .OrderBy(s => s.Score),
        ];
        double below = 0, wins = 0, total = 0;
        for (int start = 0, end; start < all.Length; start = end)
        {
            double tied = 0, own = 0;
            for (end = start; end < all.Length && all[end].Score == all[start].Score; end++)
            {
                if (all[end].Positive)
                    own += all[end].Weight;
                else
                    tied += all[end].Weight;
            }

            wins += own * (below + (tied / 2));
            below += tied;
            total += own;
        }

        return wins / (total * below);
    }
}
